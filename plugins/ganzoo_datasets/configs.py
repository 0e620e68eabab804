"""The options of the datasets that are held in memory, and their data specs."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option
from ganzoo_datasets import sources
from ganzoo_datasets.sources import Source

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class LabelledConfig(DataConfig):
    """Options of square images with class labels; a subclass sets the channels and the class names."""

    judge = "cnn"
    counted_by = ("count",)
    channels: ClassVar[int]
    class_names: ClassVar[tuple[str, ...]]

    size: int = option(32, "height and width in pixels", low=8, high=256)
    count: int | None = option(
        None, "number of training images, equally many of each class; none means all", low=1, high=10_000_000
    )

    @property
    def limit(self) -> int | None:
        """The number of images that are used, or none for all."""
        return self.count

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (channels, size, size) and its class as ``label``."""
        fields = {
            "image": Field("image", (self.channels, self.size, self.size)),
            "label": Field("class", classes=len(self.class_names), names=self.class_names),
        }
        return DataSpec(fields, target="image", condition="label")


@dataclass(frozen=True)
class DigitsConfig(LabelledConfig):
    """Options of the handwritten digits that come with scikit-learn."""

    channels = 1
    class_names = DIGITS

    size: int = option(16, "height and width in pixels; the originals have 8", low=8, high=64)


@dataclass(frozen=True)
class PublishedConfig(LabelledConfig):
    """Options of a dataset that is published in two splits; a subclass sets the source of its files."""

    source: ClassVar[Source]

    split: Literal["train", "test"] = option("train", "the published split")

    @property
    def limit(self) -> int | None:
        """The number of images that are used, or none for all: models are compared with every test image."""
        return self.count if self.split == "train" else None


@dataclass(frozen=True)
class IdxConfig(PublishedConfig):
    """Options of a dataset in the idx format of MNIST; a subclass sets which one."""

    channels = 1

    size: int = option(28, "height and width in pixels; the originals have 28", low=8, high=256)


@dataclass(frozen=True)
class MnistConfig(IdxConfig):
    """Options of MNIST."""

    source = sources.MNIST
    class_names = DIGITS


@dataclass(frozen=True)
class FashionMnistConfig(IdxConfig):
    """Options of Fashion-MNIST."""

    source = sources.FASHION_MNIST
    class_names = (
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )


@dataclass(frozen=True)
class KmnistConfig(IdxConfig):
    """Options of Kuzushiji-MNIST."""

    source = sources.KMNIST
    class_names = ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo")


@dataclass(frozen=True)
class Cifar10Config(PublishedConfig):
    """Options of CIFAR-10."""

    source = sources.CIFAR10
    channels = 3
    class_names = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )

    size: int = option(32, "height and width in pixels; the originals have 32", low=8, high=256)


@dataclass(frozen=True)
class StackedMnistConfig(DataConfig):
    """Options of stacked MNIST, with three digits per image."""

    judge = "stacked-cnn"
    channels: ClassVar[int] = 3
    counts: ClassVar[Mapping[str, int]] = MappingProxyType({"train": 128_000, "test": 26_000})  # Lin et al. 2018

    size: int = option(28, "height and width in pixels; the originals have 28", low=8, high=256)
    split: Literal["train", "test"] = option("train", "the published split of MNIST that the digits are from")
    count: int | None = option(
        None, "number of images; none means 128000 for train and 26000 for test", low=1, high=10_000_000
    )
    seed: int = option(0, "random seed of the choice of digits", low=0, high=2**53)

    @property
    def length(self) -> int:
        """The number of images."""
        return self.count if self.count is not None else self.counts[self.split]

    @property
    def digits(self) -> MnistConfig:
        """The options of the MNIST whose digits are stacked."""
        return MnistConfig(size=self.size, split=self.split)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (3, size, size) and its digits, read as one number, as ``label``."""
        fields = {
            "image": Field("image", (self.channels, self.size, self.size)),
            "label": Field("class", classes=len(DIGITS) ** self.channels),
        }
        return DataSpec(fields, target="image", condition="label")


@dataclass(frozen=True)
class GaussiansConfig(DataConfig, ABC):
    """Options of equal Gaussians in the plane; a subclass sets their centres."""

    judge = "gaussians"
    stream: ClassVar[str]  # of the random numbers

    std: float = option(0.1, "standard deviation of each Gaussian", low=0, high=1e6)
    count: int = option(50_000, "number of points", low=1, high=10_000_000)
    seed: int = option(0, "random seed of the points", low=0, high=2**53)

    @property
    @abstractmethod
    def centres(self) -> tuple[tuple[float, float], ...]:
        """The means of the Gaussians; the index of each is its class."""

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``point`` (2,) and the index of its Gaussian as ``label``."""
        fields = {"point": Field("point", (2,)), "label": Field("class", classes=len(self.centres))}
        return DataSpec(fields, target="point", condition="label")


@dataclass(frozen=True)
class RingConfig(GaussiansConfig):
    """Options of the Gaussians on a circle."""

    stream = "ring"

    modes: int = option(8, "number of Gaussians", low=1, high=1000)
    radius: float = option(2.0, "radius of the circle of the centres", low=0, high=1e6)

    @property
    def centres(self) -> tuple[tuple[float, float], ...]:
        """The corners of a regular polygon, anticlockwise; the first is on the x axis."""
        angles = [2 * math.pi * mode / self.modes for mode in range(self.modes)]
        return tuple((self.radius * math.cos(angle), self.radius * math.sin(angle)) for angle in angles)


@dataclass(frozen=True)
class GridConfig(GaussiansConfig):
    """Options of the Gaussians on a square grid."""

    stream = "grid"

    side: int = option(5, "number of Gaussians per side of the grid", low=1, high=31)
    spacing: float = option(2.0, "distance between neighbouring centres", low=0, high=1e6)
    std: float = option(0.05, "standard deviation of each Gaussian", low=0, high=1e6)

    @property
    def centres(self) -> tuple[tuple[float, float], ...]:
        """The points of the grid around the origin: column by column from the left, each upwards."""
        coordinates = [self.spacing * (index - (self.side - 1) / 2) for index in range(self.side)]
        return tuple(itertools.product(coordinates, coordinates))
