"""What images of captioned shapes show, read back exactly and compared with their captions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, fields
from typing import ClassVar, Final, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, MetricContext, MetricValues, UserError
from ganzoo_words.captions import SCENES, VOCABULARY, CaptionedScene
from ganzoo_words.r_precision import ChoiceOfCaption
from ganzoo_words.reading import read_scenes

PARTS: Final = tuple(field.name for field in fields(CaptionedScene))
_VALUES: Final = tuple(sorted(set(part)) for part in zip(*map(astuple, SCENES), strict=True))

_OF_TOKENS: Mapping[tuple[int, ...], CaptionedScene] = {scene.tokens: scene for scene in SCENES}


@final
class ReadBack(ChoiceOfCaption):
    """R-precision without a judge: a caption fits an image by how many of its four parts the image shows.

    ``exact`` is the share of images that show all that their caption says; then the share of each part.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "r-precision": "high",
        "exact": "high",
        **dict.fromkeys(PARTS, "high"),
        "remembered": "high",
    }

    def prepare(self, context: MetricContext) -> None:
        """Refuse captions of other words."""
        assert context.conditions is not None
        if context.conditions.names != VOCABULARY or context.field.kind != "image":
            raise UserError(
                "metric 'read-back' reads images of captioned-shapes alone: choose --metric r-precision for other data"
            )

    def scores(self, images: Tensor, captions: Tensor, context: MetricContext) -> Tensor:
        """Return the number of parts in which images agree with captions."""
        shown, said = _numbers(read_scenes(images)), _numbers(_scenes(captions))
        return (shown[:, None] == said[None]).sum(dim=2).float().to(images.device)

    def further(self, images: Tensor, captions: Tensor, context: MetricContext) -> MetricValues:
        """Return the share of images that show each part of their caption, and all of them."""
        agree = _numbers(read_scenes(images)) == _numbers(_scenes(captions))
        shares = agree.float().mean(dim=0).tolist()
        return {"exact": float(agree.all(dim=1).float().mean()), **dict(zip(PARTS, shares, strict=True))}


def _scenes(captions: Tensor) -> list[CaptionedScene]:
    """Return the scenes of captions (N, L); raises :class:`UserError` for a text that describes none."""
    found = []
    for tokens in captions.tolist():
        scene = _OF_TOKENS.get(tuple(tokens))
        if scene is None:
            words = " ".join(VOCABULARY[token] for token in tokens if token)
            raise UserError(f"metric 'read-back' knows no image of {words!r}: ask for captions of captioned-shapes")
        found.append(scene)
    return found


def _numbers(scenes: list[CaptionedScene]) -> Tensor:
    """Return the parts of scenes (N,) as whole numbers (N, 4)."""
    return torch.tensor(
        [[values.index(part) for values, part in zip(_VALUES, astuple(scene), strict=True)] for scene in scenes]
    )
