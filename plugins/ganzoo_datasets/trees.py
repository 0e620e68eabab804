"""A folder of the user's images: its options, and its classes by the names of sub-folders; opens no image."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, UserError, natural_key, option

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")
CHANNELS = {"rgb": 3, "grey": 1, "rgba": 4}
COLOURS = {"white": "#ffffff", "black": "#000000", "grey": "#808080"}
AUTO = "auto"


@dataclass(frozen=True)
class FolderConfig(DataConfig):
    """Options of a folder of images."""

    judge = "cnn"

    path: str = option("", "folder of the images, inside the data folder; empty for the data folder itself")
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
    labels: Literal["auto", "none"] = option(
        "auto", "auto: each sub-folder is a class; none: no labels, whatever the sub-folders"
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

    def folder(self, root: Path) -> Path:
        """Return the folder of the images; raises :class:`UserError` where it does not exist."""
        folder = root / self.path
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "does not exist"
            raise UserError(
                f"{folder} {problem}: name the folder of your images with --data-root DIR, "
                "or one inside the data folder with --dataset-path"
            )
        return folder

    def classes(self, root: Path) -> dict[str, Path]:
        """Return the folder of each class by its name, in natural order (2 before 10); empty without labels."""
        folder = self.folder(root)
        folders, files = scan(folder)
        if not folders and not files:
            raise UserError(
                f"{folder} has no images: put image files there, or one sub-folder with images per class; "
                f"their names end in {', '.join(SUFFIXES)}"
            )
        if self.labels == "none":
            return {}
        if folders and files:
            raise UserError(
                f"{folder} has both sub-folders ({folders[0].name}, …) and images ({files[0].name}, …): "
                "move every image into the sub-folder of its class, "
                "or give --dataset-labels none to use all of them without labels"
            )
        # A name that is not valid text, from another system, must not prevent the saving of a model.
        named = {path.name.encode(errors="backslashreplace").decode(): path for path in folders}
        return {name: named[name] for name in sorted(named, key=natural_key)}

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (C, height, width) and, with classes, ``label``."""
        width, height = self.size
        fields = {"image": Field("image", (CHANNELS[self.channels], height, width))}
        names = tuple(self.classes(root))
        if names:
            fields["label"] = Field("class", classes=len(names), names=names)
        return DataSpec(fields, target="image", condition="label" if names else "")


def scan(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the sub-folders of ``folder`` and its files with suffixes of images, both sorted.

    Hidden names are left out, and so are links to a folder above, which would make a cycle.
    """
    folders, links, files = list[Path](), list[Path](), list[Path]()
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith((".", "__MACOSX")):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                elif entry.is_symlink() and os.path.isdir(entry.path):
                    links.append(Path(entry.path))
                elif entry.name.lower().endswith(SUFFIXES):
                    files.append(Path(entry.path))
    except OSError as problem:
        raise UserError(f"{folder} cannot be read ({problem.strerror or problem}): make it readable") from problem
    # Resolving visits every folder above: with thousands of nested folders it would take many minutes.
    here = folder.resolve() if links else folder
    folders += [path for path in links if not here.is_relative_to(path.resolve())]
    return sorted(folders), sorted(files)


def images_below(folder: Path) -> list[Path]:
    """Return the files with suffixes of images in ``folder`` and all folders below, sorted."""
    found: list[Path] = []
    waiting, seen = [folder], {_identity(folder)}
    while waiting:
        folders, files = scan(waiting.pop())
        found += files
        # Two links together may make a cycle.
        new = {place: path for path in folders if (place := _identity(path)) not in seen}
        seen |= new.keys()
        waiting += new.values()
    return sorted(found)


def _identity(folder: Path) -> tuple[int, int]:
    """Return what identifies a folder, whatever link it was reached by."""
    try:
        about = folder.stat()
    except OSError as problem:
        raise UserError(f"{folder} cannot be read ({problem.strerror or problem}): make it readable") from problem
    return about.st_dev, about.st_ino
