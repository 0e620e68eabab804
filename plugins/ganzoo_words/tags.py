"""The keywords of drawn shapes, and vectors of words; imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option
from ganzoo_datasets.scenes import COLOURS, SHAPES
from ganzoo_words.captions import CaptionedScene

# What people also call them.
OF_COLOUR: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "red": ("warm", "fire"),
        "green": ("calm", "leaf"),
        "blue": ("cool", "sky"),
        "yellow": ("warm", "sun"),
        "orange": ("warm", "fruit"),
        "purple": ("calm", "royal"),
        "cyan": ("cool", "ice"),
        "white": ("calm", "snow"),
    }
)
OF_SHAPE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "circle": ("round", "disc"),
        "square": ("angular", "box"),
        "triangle": ("angular", "pyramid"),
        "diamond": ("angular", "rhombus"),
        "cross": ("pointed", "plus"),
        "ring": ("round", "hole"),
        "star": ("pointed", "night"),
        "crescent": ("round", "moon"),
    }
)
OF_NUMBER: Mapping[str, str] = MappingProxyType({"a": "single", "two": "pair"})

TAGS_PER_IMAGE = 9
IMAGES = {"train": 2000, "test": 200}


def tags_of(scene: CaptionedScene) -> tuple[str, ...]:
    """Return the nine keywords of a scene, such as ``red``, ``warm``, ``round`` and ``red circle``."""
    both = f"{scene.colour} {scene.shape}"
    of_colour, of_shape = OF_COLOUR[scene.colour], OF_SHAPE[scene.shape]
    return (scene.colour, *of_colour, scene.shape, *of_shape, OF_NUMBER[scene.number], scene.place, both)


def concepts_of(tag: str) -> tuple[str, ...]:
    """Return what a keyword has in common with others: the words in it, and the kind of thing that it is."""
    kinds = {
        **{name: (more[0],) for name, more in (*OF_COLOUR.items(), *OF_SHAPE.items())},
        **{more[1]: (name,) for name, more in (*OF_COLOUR.items(), *OF_SHAPE.items())},
    }
    return (*(tag.split() if " " in tag else ()), *kinds.get(tag, ()))


VOCABULARY = tuple(
    dict.fromkeys(
        tag
        for shape in SHAPES
        for colour in COLOURS
        for number, place in (("a", "left"), ("two", "right"), ("a", "top"), ("a", "bottom"), ("a", "centre"))
        for tag in tags_of(CaptionedScene(number, colour, shape, place))
    )
)


@dataclass(frozen=True)
class TaggedShapesConfig(DataConfig):
    """Options of images with keywords."""

    judge: ClassVar[str] = "plain"

    size: int = option(
        8, "height and width, in pixels, of the small images whose pixels are the features", low=4, high=32
    )
    vectors: int = option(24, "numbers in the vector of a word", low=2, high=1000)
    split: Literal["train", "test"] = option("train", "2,000 training images, or 200 of the combinations held out")
    seed: int = option(0, "random seed of the images", low=0, high=2**53)

    def spec(self, root: Path) -> DataSpec:
        """Return the vector of one keyword as ``word``, and the ``features`` of its image."""
        fields = {"word": Field("point", (self.vectors,)), "features": Field("vector", (3 * self.size**2,))}
        return DataSpec(fields, target="word", condition="features")
