"""Whether the frames of a story show what its sentences say, and stay the same where they should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Aim, Config, Examples, Metric, MetricContext, MetricValues, UserError
from ganzoo_datasets.scenes import COLOURS, PLACES, SHAPES, SIZES
from ganzoo_editing.reader import Reading
from ganzoo_motion.story_options import SENTENCE, VOCABULARY

GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "shape": SHAPES,
    "colour": tuple(COLOURS),
    "size": SIZES,
    "place": tuple(PLACES),
}


@final
class StoryTruth(Metric):
    """The share of frames with the shape, the colour, the size and the place that their sentences say.

    ``all`` is the share of frames in which all four are right, ``constancy`` that of stories whose shape and colour are
    read alike in every frame. ``guess`` is the share that all four would have by chance.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "all": "high",
        **dict.fromkeys(GROUPS, "high"),
        "constancy": "high",
        "guess": "neither",
    }
    judged = False
    thorough = True

    def __init__(self, config: Config):
        self._read = Reading(lesson)

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the shares for generated stories."""
        clips = generated.values
        shown = chosen(self._read(clips.flatten(0, 1), context)).unflatten(0, clips.shape[:2])
        right = shown == chosen(said(generated)).unflatten(0, clips.shape[:2])
        same = (shown[:, :, :2] == shown[:, :1, :2]).flatten(1).all(dim=1)
        guess = 1.0
        for words in GROUPS.values():
            guess /= len(words)
        return {
            "all": float(right.all(dim=2).float().mean()),
            **{name: float(right[:, :, number].float().mean()) for number, name in enumerate(GROUPS)},
            "constancy": float(same.float().mean()),
            "guess": guess,
        }

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the shares for real stories."""
        return self.measure(real, real, context)


def lesson(stories: Examples) -> tuple[Tensor, Tensor]:
    """Return every frame of stories, and what is said of it."""
    return stories.values.flatten(0, 1), said(stories)


def said(stories: Examples) -> Tensor:
    """Return what is said of each frame (N · T, 23): 1 for each word of a group that holds."""
    tokens, frames = stories.conditions, stories.values.shape[1]
    if tokens is None or tokens.shape[1:] != (frames * SENTENCE,):
        raise UserError("metric 'story-truth' needs a sentence for each frame: use --dataset stories")
    words = F.one_hot(tokens.long(), len(VOCABULARY)).unflatten(1, (frames, -1)).amax(dim=2).flatten(0, 1).float()
    named = {word: words[:, number] for number, word in enumerate(VOCABULARY)}
    return torch.stack([named[word] for words in GROUPS.values() for word in words], dim=1)


def chosen(scores: Tensor) -> Tensor:
    """Return the number of the word with the highest score in each group (N, 4), of scores (N, 23)."""
    parts = scores.split([len(words) for words in GROUPS.values()], dim=1)
    return torch.stack([part.argmax(dim=1) for part in parts], dim=1)
