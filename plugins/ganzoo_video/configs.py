"""The type of field ``video``, and the options of the dataset; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ganzoo.plugin import DataConfig, DataSpec, Field, FieldType, option

VIDEO = FieldType(
    "video", ("T", "C", "H", "W"), "{sizes} videos", "ganzoo_video.values:VideoValues", bounded=True
)  # frames, channels, rows, columns

DIRECTIONS = ("right", "down", "left", "up")


@dataclass(frozen=True)
class MovingDiscsConfig(DataConfig):
    """Options of ``moving-discs``."""

    count: int = option(4096, "the number of videos", low=1, high=2**24)
    frames: int = option(8, "frames in each video", low=2, high=64)
    size: int = option(16, "pixels of each side", low=8, high=256)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``video`` (frames, 1, size, size), and the direction as ``label``."""
        fields = {
            "video": Field(VIDEO, (self.frames, 1, self.size, self.size)),
            "label": Field("class", classes=len(DIRECTIONS), names=DIRECTIONS),
        }
        return DataSpec(fields, target="video", condition="label")
