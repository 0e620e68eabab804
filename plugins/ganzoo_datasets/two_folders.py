"""Images of two kinds, for translation from one to the other: where they are, and the options of such datasets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataSpec, UserError, did_you_mean, option
from ganzoo_datasets.picture_options import AUTO, PictureConfig
from ganzoo_datasets.trees import ALL, PARTS, SHOWN, TESTED, TRAIN
from ganzoo_datasets.walks import scan

LETTERED = re.compile(f"({'|'.join(PARTS)})[ _-]?([ab])")  # trainA, testB, as CycleGAN's data has them
ORDER = tuple(dict.fromkeys(PARTS.values()))
WHOLE = ""  # the part of data without parts
Sides = tuple[Path, ...]
"""Two folders, or one whose images show both kinds side by side."""


@dataclass(frozen=True)
class _SidesConfig(PictureConfig):
    """Options of images of two kinds."""

    judge = "plain"

    folders: tuple[str, ...] = option(
        (AUTO,), "the folders of both kinds, such as photos,maps; auto: the two that are there"
    )
    split: tuple[Literal["train", "val", "test", "all"], ...] = option((TRAIN,), "parts to use if there are parts")

    def __post_init__(self) -> None:
        if self.folders != (AUTO,) and len(self.folders) != 2:
            raise ValueError(f"--dataset-folders must name two folders, not {len(self.folders)}")
        if not self.split or (len(self.split) != 1 and ALL in self.split):
            raise ValueError(f"--dataset-split names parts, or {ALL} alone")
        super().__post_init__()

    def parts(self, root: Path) -> Mapping[str, Sides]:
        """Return where the images of each part are; raises :class:`UserError` where that is not clear."""
        return parts_in(self.folder(root), () if self.folders == (AUTO,) else self.folders)

    def used(self, root: Path) -> Mapping[str, Sides]:
        """Return the parts that are used; raises :class:`UserError` where one of them is not there."""
        parts = self.parts(root)
        if self.split == (ALL,) or ([*parts] == [WHOLE] and self.split == (TRAIN,)):
            return parts
        if missing := [name for name in self.split if name not in parts]:
            there = ", ".join(filter(None, parts)) or "no parts"
            raise UserError(
                f"{self.folder(root)} has {there}, and no {', '.join(missing)}: name others with --dataset-split"
            )
        return {name: parts[name] for name in self.split}

    def for_test(self, root: Path) -> _SidesConfig:
        """Return the options with the first of the parts test and val that is there and not used, or these."""
        there, used = tuple(self.parts(root)), tuple(self.used(root))
        unused = next((part for part in TESTED if part in there and part not in used), None)
        return self if unused is None else replace(self, split=(unused,))


@dataclass(frozen=True)
class PairsConfig(_SidesConfig):
    """Options of pairs of images."""

    reverse: bool = option(False, "exchange input and target: the right or second image is the input")

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``input`` and ``target``, both (C, height, width)."""
        self.used(root)
        return DataSpec({"input": self.picture, "target": self.picture}, target="target", condition="input")


@dataclass(frozen=True)
class UnpairedConfig(_SidesConfig):
    """Options of images of two kinds without pairs."""

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``a`` and ``b``, both (C, height, width)."""
        for sides in self.used(root).values():
            if len(sides) != 2:
                raise UserError(
                    f"{sides[0]} has images, and no two folders: put each kind of image into a folder of its own, or "
                    "use --dataset pairs if these images show both kinds side by side"
                )
        return DataSpec({"a": self.picture, "b": self.picture}, target="b", condition="a", paired=False)


def parts_in(folder: Path, names: Sequence[str] = ()) -> dict[str, Sides]:
    """Return the two folders of each part of the data in ``folder``, or the one with both kinds side by side.

    ``names`` are those of the folders. People have ``trainA`` and ``trainB``, ``A/train`` and ``B/train``, ``train/A``
    and ``train/B``, ``A`` and ``B``, or images that show both, with or without parts.
    """
    found = scan(folder)
    if not names and (lettered := _lettered(found.folders)):
        return lettered
    if (parts := _parts(found.folders)) and not (names and all((folder / name).is_dir() for name in names)):
        return {part: _sides(path, names) for part, path in parts.items()}
    sides = _sides(folder, names)
    inner = [_parts(scan(side).folders) for side in sides] if len(sides) == 2 else []
    if inner and all(inner):
        return {part: (path, inner[1][part]) for part, path in inner[0].items() if part in inner[1]}
    return {WHOLE: sides}


def _lettered(folders: Sequence[Path]) -> dict[str, Sides]:
    """Return the folders ``trainA``, ``trainB`` and so on, by part, where both are there."""
    found: dict[str, dict[str, Path]] = {}
    for path in folders:
        if match := LETTERED.fullmatch(path.name.casefold()):
            found.setdefault(PARTS[match[1]], {})[match[2]] = path
    both = {part: (sides["a"], sides["b"]) for part, sides in found.items() if len(sides) == 2}
    return {part: both[part] for part in ORDER if part in both}


def _parts(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the folders by part, or nothing where one is no part."""
    parts = {PARTS[path.name.casefold()]: path for path in folders if path.name.casefold() in PARTS}
    return {part: parts[part] for part in ORDER if part in parts} if len(parts) == len(folders) else {}


def _sides(folder: Path, names: Sequence[str]) -> Sides:
    if names:
        there = [path.name for path in scan(folder).folders]
        for name in names:
            if not (folder / name).is_dir():
                raise UserError(
                    f"{folder} has no folder {name!r} (--dataset-folders){did_you_mean(name, there)} Folders: "
                    f"{', '.join(there) or 'none'}"
                )
        return tuple(folder / name for name in names)
    found = scan(folder)
    if len(found.folders) == 2:
        return tuple(found.folders)
    if not found.folders and found.files:
        return (folder,)
    shown = ", ".join(path.name for path in found.folders[:SHOWN]) + (", …" if len(found.folders) > SHOWN else "")
    has = f"{len(found.folders)} folders ({shown})" if found.folders else "no images"
    raise UserError(
        f"{folder} has {has}: put the images of both kinds into two folders, or name two with --dataset-folders A,B"
    )
