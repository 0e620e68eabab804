"""The options of datasets that make pairs of the images of any other dataset; this module imports no torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, InnerDataset, UserError, option

INPUT, TARGET = "input", "target"


@dataclass(frozen=True)
class DerivedConfig(DataConfig):
    """Options of pairs that are made of another dataset: its image is the target, and what is left of it the input."""

    counted_by = ("count",)

    of: str = option("digits", "the dataset whose images are the targets")
    options: str = option("", "options of that dataset, such as 'path=photos; channels=grey'")
    size: tuple[int, int] = option(
        (32, 32), "width x height of a target in pixels; one number for a square", low=8, high=1024, sizes=True
    )
    split: Literal["train", "test"] = option(
        "train", "the part of that dataset; if it has none, every tenth example is for the test"
    )
    count: int | None = option(None, "number of training pairs; none means all", low=1, high=10_000_000)

    def inner(self) -> InnerDataset:
        """Return the dataset of the targets, with its options for training; raises :class:`UserError`."""
        values = self._given()
        if "size" in InnerDataset.options_of(self.of) and "size" not in values:
            width, height = self.size
            values["size"] = str(width) if width == height else f"{width}x{height}"
        return InnerDataset.named(self.of, values)

    def _given(self) -> dict[str, str]:
        words = [word for word in self.options.split(";") if word.strip()]
        if wrong := [word for word in words if "=" not in word]:
            raise UserError(f"--dataset-options {wrong[0].strip()!r} must have the form NAME=VALUE")
        pairs = (word.split("=", 1) for word in words)
        return {name.strip().replace("-", "_"): value.strip() for name, value in pairs}

    def spec(self, root: Path) -> DataSpec:
        """Return ``input`` and ``target``, and the classes of the dataset under their own names."""
        given = self.inner().config.spec(root)
        target = given.target_field
        if target.kind != "image":
            raise UserError(f"dataset {self.of!r} delivers {target.describe()}, no images: name another --dataset-of")
        classes = {name: field for name, field in given.fields.items() if field.classes}
        shown = self.shown(target)
        return DataSpec({INPUT: self.left(target), TARGET: shown, **classes}, target=TARGET, condition=INPUT)

    @abstractmethod
    def left(self, image: Field) -> Field:
        """Return the field of the input that is made of ``image``."""

    def shown(self, image: Field) -> Field:
        """Return the field of the target that is made of ``image``: by default the image itself."""
        return image


@dataclass(frozen=True)
class EdgesConfig(DerivedConfig):
    """Options of edges."""

    threshold: float = option(0.25, "the least change of a channel that is an edge, as a share", low=0, high=1)

    def left(self, image: Field) -> Field:
        """Return a grey image of the same size."""
        return Field("image", (1, *image.shape[1:]))


@dataclass(frozen=True)
class LowResolutionConfig(DerivedConfig):
    """Options of images at a lower resolution."""

    factor: int = option(4, "how many times smaller the input is", low=2, high=16)

    def left(self, image: Field) -> Field:
        """Return an image that is ``factor`` times smaller."""
        channels, *sides = image.shape
        if any(side % self.factor for side in sides):
            raise UserError(
                f"dataset 'low-resolution' makes images {self.factor} times smaller, and {sides[1]}×{sides[0]} pixels "
                f"of dataset {self.of!r} are no multiple of that: set --dataset-size or --dataset-factor"
            )
        return Field("image", (channels, *(side // self.factor for side in sides)))


@dataclass(frozen=True)
class HolesConfig(DerivedConfig):
    """Options of images with a hole."""

    place: Literal["centre", "random"] = option("centre", "where the hole is")
    share: float = option(0.5, "side of the hole, as a share of the side of the image", low=0.1, high=0.9)
    deliver: Literal["hole", "image"] = option("hole", "the target: what was in the hole, or the whole image")
    overlap: int = option(0, "pixels at the border of the hole that the input still shows", low=0, high=64)
    fill: tuple[int, ...] = option((123, 117, 104), "red, green and blue of the hole", low=0, high=255)
    seed: int = option(0, "random seed of the places", low=0, high=2**53)

    def __post_init__(self) -> None:
        if len(self.fill) != 3:
            raise ValueError("--dataset-fill must be three numbers: red, green and blue")
        if self.place == "random" and self.deliver == "hole":
            raise ValueError("a hole at a random place needs --dataset-deliver image: a model must learn where it is")

    def sides(self, image: Sequence[int]) -> tuple[int, int]:
        """Return height and width of the hole in an image of these sides; they are even, as those of most images."""
        height, width = (max(2, 2 * round(self.share * side / 2)) for side in image)
        return height, width

    def left(self, image: Field) -> Field:
        """Return the same shape."""
        if 2 * self.overlap >= min(self.sides(image.shape[1:])):
            raise UserError("dataset 'holes' leaves nothing of the hole: lower --dataset-overlap")
        return image

    def shown(self, image: Field) -> Field:
        """Return the shape of the hole, or of the whole image."""
        return Field("image", (image.shape[0], *self.sides(image.shape[1:]))) if self.deliver == "hole" else image
