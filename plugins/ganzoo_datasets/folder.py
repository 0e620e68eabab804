"""Images from a folder: checked before training, decoded when they are read."""

from __future__ import annotations

import dataclasses
import itertools
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, Limits, UserError, counted, listed, open_file, track, warn
from ganzoo_datasets.headers import header_notes
from ganzoo_datasets.images import (
    Canvas,
    Facts,
    Pixels,
    facts,
    header,
    header_problem,
    pixels,
    reason,
    without_warnings,
)
from ganzoo_datasets.pixel_notes import pixel_notes, with_usual_limits
from ganzoo_datasets.trees import CHANNELS, SHOWN, FolderConfig, Layout, named_as_image
from ganzoo_datasets.walks import scan_below

T = TypeVar("T")
MODES = {"rgb": "RGB", "grey": "L", "rgba": "RGBA"}
# Files per task of a thread: with single files, the overhead of a task would be larger than its work.
OPENED, DECODED = 200, 16
END = 256  # bytes of a file that identify it, with its name and size
FAULTS = 10  # files that a check of the data names
KINDS = 6  # of files in a note


class FolderDataset(Dataset):
    """All images in a folder; the constructor decodes or opens each file, and leaves out those that are not images.

    Raises :class:`UserError` where the folder, or the folder of a class, has no image.
    """

    def __init__(self, config: FolderConfig, root: Path):
        self._folder = config.folder(root)
        width, height = config.size
        self._shape = (CHANNELS[config.channels], height, width)
        self._canvas = Canvas(width, height, MODES[config.channels], config.fit, config.colour)
        self._layout = config.layout(root)
        classes = self._layout.classes
        found = [[scan_below(folder) for folder in folders] for folders in classes.values() or (self._layout.folders,)]
        files = [[path for below in group for path in below.files] for group in found]
        images, self._others = self._divided(list(itertools.chain(*files)))
        valid, self._damaged = self._valid(images, config.check)
        special = list(valid.values())
        if config.limits:
            limits = Limits(*config.limits)
            self._canvas = dataclasses.replace(self._canvas, whole=limits, real=limits)
        else:
            self._canvas = with_usual_limits(self._canvas, special)
        self._pixel_notes = tuple(pixel_notes(self._canvas, special, config.background, bool(config.limits)))
        kept = [[path for path in paths if path in valid] for paths in files]
        empty = [name for name, paths in zip(classes, kept, strict=False) if not paths]
        if not valid:
            raise UserError(f"{self._folder} has no readable image: put images there")
        if empty:
            raise UserError(
                f"{self._folder} has no readable image of class {', '.join(empty)}: "
                "add images to these sub-folders or remove them"
            )
        self._paths = [str(path) for paths in kept for path in paths]
        self._labels = torch.tensor([number for number, paths in enumerate(kept) for _ in paths])
        self._counts = {name: len(paths) for name, paths in zip(classes, kept, strict=False)}
        self._passed = {path: why for group in found for below in group for path, why in below.passed.items()}
        self._inside = [path for group in found for below in group for path in below.folders] if classes else []

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, height, width) uint8 and, with classes, ``label`` (B,); raises for a damaged file."""
        images = torch.empty(len(indices), *self._shape, dtype=torch.uint8)
        # In the worker processes of a loader torch has one thread, so they do not compete for the cores.
        with without_warnings(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for _ in pool.map(self._decode, torch.split(indices, DECODED), torch.split(images, DECODED)):
                pass
        return {"image": images, "label": self._labels[indices]} if self._counts else {"image": images}

    def notes(self) -> Sequence[str]:
        """Return the parts that are used, the images of each class, what was left out, and what became of pixels."""
        left_out = list(_left_out(self._folder, self._layout, len(self._damaged), self._others, self._passed))
        return [
            *_used(self._layout),
            *([f"classes: {counted(self._counts)}"] if self._counts else []),
            *_odd_classes(self._folder, self._counts, self._inside),
            *([f"left out: {'; '.join(left_out)}"] if left_out else []),
            *self._pixel_notes,
        ]

    def details(self) -> Sequence[str]:
        """Return the sizes, modes and formats of the files."""
        with without_warnings():
            headers = [found for path in self._paths if (found := header(Path(path)))]
        return list(header_notes(headers))

    def faults(self) -> Sequence[str]:
        """Return the files that are named as images, and cannot be used."""
        if not self._damaged:
            return ()
        named = listed([f"{path.relative_to(self._folder)} ({why})" for path, why in self._damaged.items()], FAULTS)
        several = len(self._damaged) > 1
        files, are = (f"{len(self._damaged):,} files", "are") if several else ("1 file", "is")
        return [f"{files} cannot be used, and {are} left out: {named}"]

    def name_of(self, index: int) -> str:
        """Return the path of an image inside the folder."""
        return str(Path(self._paths[index]).relative_to(self._folder))

    def identities(self) -> Iterator[bytes]:
        """Yield name, class, size and end of every file; they do not depend on where the folder is."""
        with ThreadPoolExecutor() as pool:
            yield from pool.map(self._identity, map(Path, self._paths))

    def _identity(self, path: Path) -> bytes:
        # The end of a compressed image depends on all of it: a PNG ends with a checksum.
        try:
            with open_file(path) as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - END))
                end = file.read(END)
        except OSError as problem:
            raise UserError(f"{path} cannot be read ({problem.strerror or problem}): make it readable") from problem
        name = unicodedata.normalize("NFC", path.relative_to(self._folder).as_posix())
        return f"{name}/{size}/".encode(errors="backslashreplace") + end

    def _decode(self, indices: Tensor, images: Tensor) -> None:
        for index, image in zip(indices.tolist(), images, strict=True):
            image.copy_(torch.from_numpy(self._pixels(index)))

    def _pixels(self, index: int) -> Pixels:
        path = Path(self._paths[index])
        try:
            return pixels(path, self._canvas)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            raise UserError(f"{path} cannot be decoded ({reason(problem)}): remove or replace it") from problem

    def _divided(self, paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
        """Return the images among files, and the others; the content decides where the name does not say so."""
        unnamed = [path for path in paths if not named_as_image(path)]
        looked = self._looked(unnamed, header_problem, OPENED, "files")
        others = {path: problem for path, problem in looked.items() if problem}
        return [path for path in paths if path not in others], list(others)

    def _valid(self, paths: Sequence[Path], check: str) -> tuple[dict[Path, Facts], dict[Path, str]]:
        """Return what is special about those of ``paths`` that pass ``check``, and report and return the others."""
        size = {"decode": DECODED, "open": OPENED}[check]
        looked = self._looked(paths, lambda path: self._look(path, check == "decode"), size, "images")
        problems = {path: why for path, why in looked.items() if isinstance(why, str)}
        if problems:
            shown = [
                f"{path.relative_to(self._folder)} ({why})" for path, why in itertools.islice(problems.items(), SHOWN)
            ]
            more = ", …" if len(problems) > SHOWN else ""
            warn(f"left out {len(problems)} of {len(paths)} files in {self._folder}: {', '.join(shown)}{more}")
        return {path: found for path, found in looked.items() if not isinstance(found, str)}, problems

    def _looked(self, paths: Sequence[Path], look: Callable[[Path], T], size: int, what: str) -> dict[Path, T]:
        """Return what ``look`` returns for each path; a thread looks at ``size`` of them at once."""
        chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
        looked: dict[Path, T] = {}
        with without_warnings(), ThreadPoolExecutor() as pool:
            found = pool.map(lambda chunk: {path: look(path) for path in chunk}, chunks)
            for some in track(found, f"checking {what} in {self._folder}", len(chunks)):
                looked |= some
        return looked

    def _look(self, path: Path, decode: bool) -> Facts | str:
        """Return what is special about an image, or why it cannot be used."""
        try:
            return facts(path, self._canvas, decode)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            return reason(problem) or "damaged"


def _used(layout: Layout) -> Iterator[str]:
    """Yield which parts of the data are used, where it has parts."""
    if layout.parts:
        others = [name for name in layout.parts if name not in layout.used]
        more = f", not of {', '.join(others)}; --dataset-split chooses" if others else ""
        yield f"images of {', '.join(layout.used)}{more}"


def _odd_classes(folder: Path, counts: Mapping[str, int], inside: Sequence[Path]) -> Iterator[str]:
    """Yield what people may not have meant: folders inside classes, and names that differ in capitals alone."""
    if inside:
        first = f"{inside[0].relative_to(folder)}{', …' if len(inside) > 1 else ''}"
        hint = ""
        if len(counts) == 1:
            hint = f"; to make them the classes, name the folder above them: --data-root {inside[0].parent}"
        yield f"folders inside a class belong to it ({first}){hint}"
    folded = Counter(name.casefold() for name in counts)
    if alike := [name for name in counts if folded[name.casefold()] > 1]:
        yield f"classes that differ in capitals alone: {', '.join(alike[:SHOWN])}{', …' if len(alike) > SHOWN else ''}"


def _left_out(
    folder: Path, layout: Layout, damaged: int, others: Sequence[Path], passed: Mapping[Path, str]
) -> Iterator[str]:
    """Yield phrases that say how many files and which folders are not used, and why."""
    if damaged:
        yield f"{damaged:,} unusable"
    images = [path for path in layout.top.files if named_as_image(path)]
    no_images = [*(path for path in layout.top.files if not named_as_image(path)), *others]
    if kinds := Counter(path.suffix.lower() or path.name for path in no_images):
        yield f"{kinds.total():,} that are no images ({counted(dict(kinds.most_common()), KINDS)})"
    if beside := [*layout.top.folders, *images]:
        yield _named("beside the parts", folder, beside)
    reasons: dict[str, list[Path]] = {}
    for path, why in {**layout.top.passed, **passed}.items():
        reasons.setdefault(why, []).append(path)
    for why, paths in reasons.items():
        yield _named(why, folder, paths)


def _named(what: str, folder: Path, paths: Sequence[Path]) -> str:
    """Return a phrase with the number and the first names of paths."""
    shown = ", ".join(str(path.relative_to(folder)) for path in paths[:SHOWN])
    return f"{len(paths):,} {what} ({shown}{', …' if len(paths) > SHOWN else ''})"
