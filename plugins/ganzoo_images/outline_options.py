"""The options of outlined and filled shapes; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option
from ganzoo_datasets.scenes import SHAPES
from ganzoo_images.derived_options import INPUT, TARGET


@dataclass(frozen=True)
class OutlinesConfig(DataConfig):
    """Options of outlined and filled shapes."""

    judge: ClassVar[str] = "cnn"

    size: int = option(32, "height and width in pixels", low=8, high=128)
    count: int = option(5_000, "number of training pairs", low=1, high=10_000_000)
    seed: int = option(0, "random seed of the shapes", low=0, high=2**53)
    split: Literal["train", "test"] = option("train", "the training pairs, or 1,000 others")

    def spec(self, root: Path) -> DataSpec:
        """Return ``input``, the outline, ``target``, the filled shape (3, size, size), and its class as ``label``."""
        image = Field("image", (3, self.size, self.size))
        fields = {INPUT: image, TARGET: image, "label": Field("class", classes=len(SHAPES), names=SHAPES)}
        return DataSpec(fields, target=TARGET, condition=INPUT)
