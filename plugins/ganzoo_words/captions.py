"""The scenes of the dataset ``captioned-shapes``, their captions, and which of them are held out; imports no torch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option
from ganzoo_datasets.scenes import COLOURS, PADDING, PHRASES, PLACES, SHAPES

NUMBERS = ("a", "two")
PLURALS: Mapping[str, str] = MappingProxyType(
    {shape: f"{shape}es" if shape.endswith("s") else f"{shape}s" for shape in SHAPES}
)
VOCABULARY = (PADDING, *NUMBERS, *COLOURS, *SHAPES, *PLURALS.values(), "on", "at", "the", *list(PLACES)[:-1])
CAPTION_LENGTH = 6
TESTS = 2000  # images for the test
HELD_OUT = 5  # one of so many combinations is for the test

HeldOut = Literal["triples", "pairs", "none"]


@dataclass(frozen=True)
class CaptionedScene:
    """What one image shows: how many shapes of which kind and colour, and where."""

    number: str
    colour: str
    shape: str
    place: str

    @property
    def caption(self) -> str:
        """The caption, such as ``two red circles on the left``; for the centre it names no place."""
        noun = PLURALS[self.shape] if self.number == "two" else self.shape
        return f"{self.number} {self.colour} {noun} {PHRASES[self.place]}".rstrip()

    @property
    def tokens(self) -> tuple[int, ...]:
        """The caption as indices into ``VOCABULARY``, padded with 0 to ``CAPTION_LENGTH``."""
        words = [VOCABULARY.index(word) for word in self.caption.split()]
        return (*words, *(0 for _ in range(CAPTION_LENGTH - len(words))))

    def is_held_out(self, held_out: HeldOut) -> bool:
        """Return whether the training has no image of this combination.

        ``triples`` holds out combinations of colour, shape and place, each pair of which the training has; ``pairs``
        holds out combinations of colour and shape, wherever they are.
        """
        colour, shape, place = (
            list(COLOURS).index(self.colour),
            SHAPES.index(self.shape),
            list(PLACES).index(self.place),
        )
        if held_out == "triples":
            return (colour + shape + place) % HELD_OUT == 0
        return held_out == "pairs" and (colour + shape) % len(SHAPES) == 0


SCENES = tuple(CaptionedScene(*parts) for parts in itertools.product(NUMBERS, COLOURS, SHAPES, PLACES))


@cache
def scenes_of(split: str, held_out: HeldOut) -> tuple[CaptionedScene, ...]:
    """Return the scenes of a part of the data; with nothing held out, both parts have all of them."""
    if held_out == "none":
        return SCENES
    return tuple(scene for scene in SCENES if scene.is_held_out(held_out) == (split == "test"))


def described(text: str) -> CaptionedScene | None:
    """Return the scene that a caption describes, or ``None`` if it describes none.

    >>> described("two red circles on the left")
    CaptionedScene(number='two', colour='red', shape='circle', place='left')
    """
    return _BY_CAPTION.get(text)


_BY_CAPTION = {scene.caption: scene for scene in SCENES}


@dataclass(frozen=True)
class CaptionedShapesConfig(DataConfig):
    """Options of the captioned shapes."""

    judge: ClassVar[str] = "cnn"
    counted_by: ClassVar[tuple[str, ...]] = ("count",)

    size: int = option(32, "height and width in pixels; what is drawn can be read back from 16 on", low=8, high=128)
    count: int = option(10_000, "number of training images", low=1, high=10_000_000)
    held_out: HeldOut = option(
        "triples", "what the training has no image of: colour, shape and place together; colour and shape; nothing"
    )
    split: Literal["train", "test"] = option("train", "the training images, or 2,000 of the combinations held out")
    seed: int = option(0, "random seed of the images", low=0, high=2**53)

    def spec(self, root: Path) -> DataSpec:
        """Return ``image`` (3, size, size), its ``caption``, and the kind of its shapes as ``label``."""
        fields = {
            "image": Field("image", (3, self.size, self.size)),
            "caption": Field("tokens", (CAPTION_LENGTH,), names=VOCABULARY),
            "label": Field("class", classes=len(SHAPES), names=SHAPES),
        }
        return DataSpec(fields, target="image", condition="caption")
