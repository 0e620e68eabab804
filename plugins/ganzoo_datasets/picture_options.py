"""The options of datasets of image files: what each image becomes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataConfig, Field, UserError, option

COLOURS = {"white": "#ffffff", "black": "#000000", "grey": "#808080"}
AUTO = "auto"
CHANNELS: Mapping[str, int] = {"rgb": 3, "grey": 1, "rgba": 4}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")


@dataclass(frozen=True)
class PictureConfig(DataConfig):
    """Options of image files that become pictures of one size."""

    judge = "cnn"

    path: str = option("", "folder of the data, inside the data folder; empty for the data folder itself")
    size: tuple[int, int] = option(
        (64, 64), "width x height in pixels, such as 96x64; one number for a square", low=8, high=256, sizes=True
    )
    fit: Literal["crop", "pad", "stretch"] = option(
        "crop", "images of another shape: cut their sides, add bars, or stretch them"
    )
    channels: Literal["rgb", "grey", "rgba"] = option("rgb", "colour, grey, or colour with transparency")
    background: str = option("white", "colour of bars and behind transparent pixels: white, black, grey or #rrggbb")
    range: str = option(
        "auto", "MIN,MAX: values that become black and white, beyond 8 bits; auto: usual limits that hold all values"
    )
    check: Literal["decode", "open"] = option(
        "decode", "how to check images before training: decode them, or only open them (fast, headers only)"
    )

    def __post_init__(self) -> None:
        if not (self.background in COLOURS or re.fullmatch("#[0-9a-fA-F]{6}", self.background)):
            raise ValueError(f"--dataset-background must be {', '.join(COLOURS)} or #rrggbb, not {self.background!r}")
        if self.range != AUTO and not self.limits:
            raise ValueError(f"--dataset-range must be auto or two numbers MIN,MAX, not {self.range!r}")

    @property
    def limits(self) -> tuple[float, ...]:
        """The values that become black and white, if they were given."""
        try:
            low, high = map(float, self.range.split(","))
        except ValueError:
            return ()
        return (low, high) if low < high and math.isfinite(high - low) else ()

    @property
    def colour(self) -> tuple[int, int, int]:
        """Red, green and blue of the background."""
        red, green, blue = bytes.fromhex(COLOURS.get(self.background, self.background).removeprefix("#"))
        return red, green, blue

    @property
    def picture(self) -> Field:
        """The field of one picture."""
        width, height = self.size
        return Field("image", (CHANNELS[self.channels], height, width))

    def folder(self, root: Path) -> Path:
        """Return the folder of the data; raises :class:`UserError` where it does not exist."""
        folder = root / self.path
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "does not exist"
            unpack = ": unpack it first, and" if folder.is_file() and is_archive(folder) else ":"
            raise UserError(
                f"{folder} {problem}{unpack} name the folder of your images with --data-root DIR, "
                "or one inside the data folder with --dataset-path"
            )
        return folder


def is_archive(path: Path) -> bool:
    """Return whether a name says that its file is an archive."""
    return path.name.lower().endswith(ARCHIVES)
