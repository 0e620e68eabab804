"""The possible scenes of the dataset ``shapes``, with their attributes and captions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option

SHAPES = ("circle", "square", "triangle", "diamond", "cross", "ring", "star", "crescent")
COLOURS: Mapping[str, tuple[int, int, int]] = MappingProxyType(
    {
        "red": (225, 40, 40),
        "green": (50, 180, 60),
        "blue": (50, 90, 235),
        "yellow": (245, 215, 50),
        "orange": (245, 135, 30),
        "purple": (150, 60, 200),
        "cyan": (60, 205, 220),
        "white": (245, 245, 245),
    }
)
SIZES = ("small", "large")
# Position of the centre relative to that of the image, in widths; below, its phrase in a caption.
PLACES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "left": (-0.16, 0.0),
        "right": (0.16, 0.0),
        "top": (0.0, -0.16),
        "bottom": (0.0, 0.16),
        "centre": (0.0, 0.0),
    }
)
PHRASES: Mapping[str, str] = MappingProxyType(
    {
        "left": "on the left",
        "right": "on the right",
        "top": "at the top",
        "bottom": "at the bottom",
        "centre": "",
    }
)

ATTRIBUTES = (*SHAPES, *COLOURS, *SIZES, *PLACES)
PADDING = "<pad>"
VOCABULARY = (PADDING, "a", *SIZES, *COLOURS, *SHAPES, "on", "at", "the", "left", "right", "top", "bottom")
CAPTION_LENGTH = 7


@dataclass(frozen=True)
class Scene:
    """The content of one image."""

    shape: str
    colour: str
    size: str
    place: str

    @property
    def attributes(self) -> tuple[float, ...]:
        """1 for each of ``ATTRIBUTES`` that is true, else 0."""
        true = {self.shape, self.colour, self.size, self.place}
        return tuple(float(name in true) for name in ATTRIBUTES)

    @property
    def tokens(self) -> tuple[int, ...]:
        """The caption as indices into ``VOCABULARY``, padded with 0 to ``CAPTION_LENGTH``."""
        words = [VOCABULARY.index(word) for word in describe(self).split()]
        return (*words, *(0 for _ in range(CAPTION_LENGTH - len(words))))


# All scenes; an example of the dataset shows one of them.
SCENES = tuple(Scene(*parts) for parts in itertools.product(SHAPES, COLOURS, SIZES, PLACES))


def describe(scene: Scene) -> str:
    """Return the caption, such as ``a large red circle on the left``; for the centre it names no place."""
    return f"a {scene.size} {scene.colour} {scene.shape} {PHRASES[scene.place]}".rstrip()


@dataclass(frozen=True)
class ShapesConfig(DataConfig):
    """Options of the drawn shapes."""

    judge = "cnn"

    size: int = option(32, "height and width in pixels", low=8, high=128)
    condition: Literal["label", "attributes", "caption", "label+attributes", "none"] = option(
        "label", "the field that is the condition, or two of them"
    )
    count: int = option(10_000, "number of images", low=1, high=10_000_000)
    seed: int = option(0, "random seed of the images", low=0, high=2**53)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (3, size, size), ``label``, ``attributes`` and ``caption``."""
        fields = {
            "image": Field("image", (3, self.size, self.size)),
            "label": Field("class", classes=len(SHAPES), names=SHAPES),
            "attributes": Field("vector", (len(ATTRIBUTES),), names=ATTRIBUTES),
            "caption": Field("tokens", (CAPTION_LENGTH,), names=VOCABULARY),
        }
        return DataSpec(fields, target="image", condition="" if self.condition == "none" else self.condition)
