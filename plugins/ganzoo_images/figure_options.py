"""The options of drawn figures, and what they wear; this module imports no torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option
from ganzoo_images.derived_options import INPUT, TARGET

Colour = tuple[int, int, int]

GARMENTS = ("vest", "shirt", "jumper", "coat")  # without sleeves, with short ones, with long ones, long itself
COLOURS = MappingProxyType[str, Colour](
    {
        "red": (214, 48, 49),
        "blue": (46, 98, 214),
        "green": (39, 160, 80),
        "yellow": (240, 200, 40),
        "purple": (140, 70, 190),
        "orange": (236, 120, 30),
    }
)
TROUSERS = MappingProxyType[str, Colour]({"black": (30, 30, 36), "navy": (34, 46, 100), "brown": (110, 74, 44)})
ARMS = ("left elbow", "left hand", "right elbow", "right hand")
LEGS = ("left knee", "left foot", "right knee", "right foot")
JOINTS = ("head", "neck", "hip", *ARMS, *LEGS)
COORDINATES = tuple(f"{joint} {axis}" for joint in JOINTS for axis in "xy")


@dataclass(frozen=True)
class FiguresConfig(DataConfig, ABC):
    """Options of drawn figures."""

    judge: ClassVar[str] = "cnn"

    size: int = option(32, "height and width in pixels", low=8, high=128)
    count: int = option(3_000, "number of training pairs", low=1, high=10_000_000)
    seed: int = option(0, "random seed of the figures", low=0, high=2**53)
    split: Literal["train", "test"] = option(
        "train", "the training pairs, or 500 others, of figures in clothes that no figure of the training wears"
    )

    @property
    def image(self) -> Field:
        """A colour image."""
        return Field("image", (3, self.size, self.size))

    @property
    def label(self) -> Field:
        """The kind of a garment."""
        return Field("class", classes=len(GARMENTS), names=GARMENTS)

    @abstractmethod
    def spec(self, root: Path) -> DataSpec:
        """Return what the dataset delivers."""


@dataclass(frozen=True)
class GarmentsConfig(FiguresConfig):
    """Options of figures and their garments."""

    def spec(self, root: Path) -> DataSpec:
        """Return ``input``, a figure, ``target``, its garment (3, size, size), and the garment's kind as ``label``."""
        return DataSpec({INPUT: self.image, TARGET: self.image, "label": self.label}, target=TARGET, condition=INPUT)


@dataclass(frozen=True)
class PosesConfig(FiguresConfig):
    """Options of figures in two poses."""

    def spec(self, root: Path) -> DataSpec:
        """Return ``input``, a figure, ``joints`` of another pose in [-1, 1], and ``target``, the figure in it."""
        joints = Field("vector", (len(COORDINATES),), names=COORDINATES)
        fields = {INPUT: self.image, "joints": joints, TARGET: self.image, "label": self.label}
        return DataSpec(fields, target=TARGET, condition=f"{INPUT}+joints")
