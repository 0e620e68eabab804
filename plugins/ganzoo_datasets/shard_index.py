"""Shards of the WebDataset layout: where in which tar file each example is, so that it can be read by its number."""

from __future__ import annotations

import functools
import os
import re
import tarfile
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataSpec, Field, UserError, natural_key, open_file, option
from ganzoo_datasets.picture_options import PictureConfig
from ganzoo_datasets.trees import ALL, PARTS, SUFFIXES, TESTED, TRAIN
from ganzoo_datasets.walks import scan_below

IMAGES = tuple(suffix.removeprefix(".") for suffix in SUFFIXES)
CLASS = "cls"
TAR, COMPRESSED = ".tar", (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")
HEADER = 512  # bytes before the content of a file in an archive
LONGEST = 1000  # bytes of a class


@dataclass
class Index:
    """The places of N images: the number of the shard, the first byte, the bytes; and the classes (N,), if any."""

    shards: tuple[Path, ...] = ()
    shard: array[int] = field(default_factory=lambda: array("q"))
    start: array[int] = field(default_factory=lambda: array("q"))
    size: array[int] = field(default_factory=lambda: array("q"))
    labels: array[int] = field(default_factory=lambda: array("q"))
    classes: int = 0
    names: tuple[str, ...] = ()
    without: int = 0  # examples without an image


@dataclass(frozen=True)
class ShardsConfig(PictureConfig):
    """Options of shards."""

    check: Literal["decode", "open"] = option(
        "open", "how to check images before training: decode all of them, which reads every shard, or not"
    )
    labels: Literal["auto", "none"] = option("auto", "auto: the files .cls are the classes; none: no labels")
    split: tuple[Literal["train", "val", "test", "all"], ...] = option(
        (TRAIN,), "parts to use if the shards, or their folders, are called train, val, test"
    )

    def __post_init__(self) -> None:
        if not self.split or (len(self.split) != 1 and ALL in self.split):
            raise ValueError(f"--dataset-split names parts, or {ALL} alone")
        super().__post_init__()

    def parts(self, root: Path) -> dict[str, list[Path]]:
        """Return the shards by part, in natural order; without parts all of them by an empty name."""
        folder = self.folder(root)
        files = scan_below(folder).files
        shards = sorted((path for path in files if path.name.lower().endswith(TAR)), key=lambda p: natural_key(str(p)))
        if not shards:
            packed = [path.name for path in files if path.name.lower().endswith(COMPRESSED)]
            hint = f": unpack {packed[0]} to a .tar, as examples are read from places in it" if packed else ""
            raise UserError(f"{folder} has no shards (.tar){hint or ': name their folder with --dataset-path'}")
        parts: dict[str, list[Path]] = {}
        for path in shards:
            parts.setdefault(_part(path.relative_to(folder)), []).append(path)
        return parts if "" not in parts else {"": shards}

    def used(self, root: Path) -> tuple[Path, ...]:
        """Return the shards of the parts that are used; raises :class:`UserError` where one is not there."""
        parts = self.parts(root)
        if self.split == (ALL,) or ([*parts] == [""] and self.split == (TRAIN,)):
            return tuple(path for paths in parts.values() for path in paths)
        if missing := [name for name in self.split if name not in parts]:
            there = ", ".join(filter(None, parts)) or "no parts"
            raise UserError(f"{self.folder(root)} has {there}, and no {', '.join(missing)}: name others with "
                            "--dataset-split")  # fmt: skip
        return tuple(path for name in self.split for path in parts[name])

    def index(self, root: Path) -> Index:
        """Return where the examples are; raises :class:`UserError` for a shard that is damaged."""
        shards = self.used(root)
        return _index(shards, tuple(_stamp(path) for path in shards), self.labels == "auto")

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (C, height, width) and, with classes, ``label``."""
        index = self.index(root)
        fields = {"image": self.picture}
        if index.classes:
            fields["label"] = Field("class", classes=index.classes, names=index.names)
        return DataSpec(fields, target="image", condition="label" if index.classes else "")

    def for_test(self, root: Path) -> ShardsConfig:
        """Return the options with the first of the parts test and val that is there and not used, or these."""
        there = tuple(self.parts(root))
        used = there if self.split == (ALL,) else self.split
        unused = next((part for part in TESTED if part in there and part not in used), None)
        return self if unused is None else replace(self, split=(unused,))


def member_name(header: bytes) -> str:
    """Return the name of a file in an archive by its header."""
    return header[:100].rstrip(b"\0").decode(errors="backslashreplace")


def _part(path: Path) -> str:
    """Return the part that the name of a shard, or of its folder, begins with, or nothing."""
    words = (re.split("[^a-z]", name.casefold(), maxsplit=1)[0] for name in (path.name, *path.parts[:-1]))
    return next((PARTS[word] for word in words if word in PARTS), "")


def _stamp(path: Path) -> tuple[int, int]:
    about = path.stat()
    return about.st_mtime_ns, about.st_size


@functools.lru_cache(maxsize=4)
def _index(shards: tuple[Path, ...], stamps: tuple[tuple[int, int], ...], labelled: bool) -> Index:
    """Return where the examples are; ``stamps`` tell shards from older ones of their names."""
    index = Index(shards)
    classes: list[str] = []
    numbers: dict[str, int] = {}
    found = array("q")
    for number, path in enumerate(shards):
        for key, image, label in _examples(path, labelled):
            if image is None:
                index.without += 1
                continue
            index.shard.append(number)
            index.start.append(image[0])
            index.size.append(image[1])
            if label is not None:
                if label not in numbers:
                    numbers[label] = len(classes)
                    classes.append(label)
                found.append(numbers[label])
            if found and len(found) != len(index.size):
                raise UserError(f"{path}: example {key} has {'no' if label is None else 'a'} class (.{CLASS}), unlike "
                                "others: give all a class, or --dataset-labels none")  # fmt: skip
    if not index.size:
        raise UserError(f"{shards[0].parent} has shards without images: an example is KEY.jpg with KEY.{CLASS}")
    if classes:
        _number(index, classes, found)
    return index


def _number(index: Index, classes: Sequence[str], found: array[int]) -> None:
    """Set the classes: numbers as they are, and other names in natural order."""
    if all(name.isdecimal() for name in classes):
        index.classes = max(map(int, classes)) + 1
        index.labels.extend(int(classes[number]) for number in found)
        return
    index.names = tuple(sorted(classes, key=natural_key))
    place = {name: number for number, name in enumerate(index.names)}
    index.classes = len(index.names)
    index.labels.extend(place[classes[number]] for number in found)


def _examples(path: Path, labelled: bool) -> Iterator[tuple[str, tuple[int, int] | None, str | None]]:
    """Yield the key of each example, the first byte and the bytes of its image, and its class.

    The files of an example follow each other, and have one name up to the first dot.
    """
    before, image, label = "", None, None
    try:
        with open_file(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            end, last = file.seek(0, os.SEEK_END), 0
            file.seek(0)
            for member in archive:
                archive.members = []  # type: ignore[attr-defined]  # which would grow with the archive
                last = member.offset_data + member.size
                if last > end:
                    raise tarfile.ReadError(f"{member.name} ends after the end of the file")
                folder, slash, name = member.name.rpartition("/")
                stem, _, suffix = name.partition(".")
                if not member.isreg() or not stem:
                    continue
                key = f"{folder}{slash}{stem}"
                if key != before and before:
                    yield before, image, label
                    image, label = None, None
                before = key
                if suffix.lower().rpartition(".")[2] in IMAGES:
                    image = member.offset_data, member.size
                elif labelled and suffix.lower() == CLASS:
                    file.seek(member.offset_data)
                    label = file.read(min(member.size, LONGEST)).decode(errors="backslashreplace").strip()
            file.seek(-(-last // HEADER) * HEADER)
            if file.read(HEADER) != bytes(HEADER):  # the end of an archive; a shorter one looks complete otherwise
                raise tarfile.ReadError("it ends too soon")
    except (tarfile.TarError, OSError) as problem:
        raise UserError(f"{path} is no sound tar file ({problem}): replace it") from problem
    if before:
        yield before, image, label
