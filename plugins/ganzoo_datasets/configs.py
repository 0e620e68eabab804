"""The options of the datasets that are read whole, and what each of them delivers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganzoo.catalogue import DataConfig, DataSpec, Field, option
from ganzoo_datasets import sources
from ganzoo_datasets.sources import Source

DIGITS = tuple("0123456789")


@dataclass(frozen=True)
class LabelledConfig(DataConfig):
    """Options of square images with a class each; a subclass says how many channels and which classes."""

    channels: ClassVar[int]
    class_names: ClassVar[tuple[str, ...]]

    size: int = option(32, "height and width in pixels", low=8, high=256)

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
class IdxConfig(LabelledConfig):
    """Options of a dataset in the idx format of MNIST; a subclass says which."""

    source: ClassVar[Source]
    channels = 1

    size: int = option(28, "height and width in pixels; the originals have 28", low=8, high=256)
    split: Literal["train", "test"] = option("train", "which of the published parts")


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
class Cifar10Config(LabelledConfig):
    """Options of CIFAR-10."""

    source: ClassVar[Source] = sources.CIFAR10
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
    split: Literal["train", "test"] = option("train", "which of the published parts")


@dataclass(frozen=True)
class RingConfig(DataConfig):
    """Options of the Gaussians on a circle."""

    modes: int = option(8, "number of Gaussians", low=1, high=1000)
    radius: float = option(2.0, "radius of the circle of their centres", low=0, high=1e6)
    std: float = option(0.1, "standard deviation of each", low=0, high=1e6)
    count: int = option(50_000, "number of points", low=1, high=10_000_000)
    seed: int = option(0, "the seed of the points", low=0, high=2**53)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``point`` (2,) and the index of its Gaussian as ``label``."""
        fields = {"point": Field("point", (2,)), "label": Field("class", classes=self.modes)}
        return DataSpec(fields, target="point", condition="label")
