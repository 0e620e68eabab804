"""Image files that become pictures of one size: checked before training, decoded when they are read."""

from __future__ import annotations

import dataclasses
import itertools
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Limits, UserError, listed, open_file, track, warn
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
from ganzoo_datasets.picture_options import CHANNELS, PictureConfig
from ganzoo_datasets.pixel_notes import pixel_notes, with_usual_limits
from ganzoo_datasets.trees import SHOWN, named_as_image

T = TypeVar("T")
MODES = {"rgb": "RGB", "grey": "L", "rgba": "RGBA"}
# Files per task of a thread: with single files, the overhead of a task would be larger than its work.
OPENED, DECODED = 200, 16
END = 256  # bytes of a file that identify it, with its name and size
FAULTS = 10  # files that a check of the data names


@final
class ImageFiles:
    """Image files in ``folder``, each of which shows ``beside`` pictures beside each other.

    After :meth:`checked`, ``notes`` say what became of pixels, and ``damaged`` are the files left out, and why.
    """

    def __init__(self, config: PictureConfig, folder: Path, beside: int = 1):
        self._config = config
        self._folder, self._beside = folder, beside
        width, height = config.size
        self._shape = (CHANNELS[config.channels], height, width)
        self._canvas = Canvas(width, height, MODES[config.channels], config.fit, config.colour, beside=beside)
        self.notes: tuple[str, ...] = ()
        self.damaged: dict[Path, str] = {}

    def checked(self, paths: Sequence[Path]) -> frozenset[Path]:
        """Return those of ``paths`` that are sound images, and report the others.

        Raises :class:`UserError` where none is.
        """
        config = self._config
        valid, self.damaged = self._valid(paths, config.check)
        if not valid:
            raise UserError(f"{self._folder} has no readable image: put images there")
        special = list(valid.values())
        if config.limits:
            limits = Limits(*config.limits)
            self._canvas = dataclasses.replace(self._canvas, whole=limits, real=limits)
        else:
            self._canvas = with_usual_limits(self._canvas, special)
        self.notes = tuple(pixel_notes(self._canvas, special, config.background, bool(config.limits)))
        return frozenset(valid)

    def read(self, paths: Sequence[Path]) -> Tensor:
        """Return images (B, beside × C, height, width) uint8; raises :class:`UserError` for a file that is damaged."""
        channels, *size = self._shape
        images = torch.empty(len(paths), self._beside * channels, *size, dtype=torch.uint8)
        starts = range(0, len(paths), DECODED)
        # In the worker processes of a loader torch has one thread, so they do not compete for the cores.
        with without_warnings(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            some = (paths[start : start + DECODED] for start in starts)
            for _ in pool.map(self._decode, some, torch.split(images, DECODED)):
                pass
        return images

    def identity(self, path: Path) -> bytes:
        """Return name, size and end of a file; they do not depend on where the folder is."""
        # The end of a compressed image depends on all of it: a PNG ends with a checksum.
        try:
            with open_file(path) as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - END))
                end = file.read(END)
        except OSError as problem:
            raise UserError(f"{path} cannot be read ({problem.strerror or problem}): make it readable") from problem
        name = self._shown(path) if path.is_relative_to(self._folder) else path.name
        return f"{unicodedata.normalize('NFC', name)}/{size}/".encode(errors="backslashreplace") + end

    def identities(self, paths: Sequence[Path]) -> Iterator[bytes]:
        """Yield the identity of each file."""
        with ThreadPoolExecutor() as pool:
            yield from pool.map(self.identity, paths)

    def details(self, paths: Sequence[Path]) -> Sequence[str]:
        """Return the sizes, modes and formats of files."""
        with without_warnings():
            headers = [found for path in paths if (found := header(path))]
        return list(header_notes(headers))

    def faults(self) -> Sequence[str]:
        """Return the files that are named as images, and cannot be used."""
        if not self.damaged:
            return ()
        named = listed([f"{self._shown(path)} ({why})" for path, why in self.damaged.items()], FAULTS)
        several = len(self.damaged) > 1
        files, are = (f"{len(self.damaged):,} files", "are") if several else ("1 file", "is")
        return [f"{files} cannot be used, and {are} left out: {named}"]

    def _shown(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix() if path.is_relative_to(self._folder) else path.as_posix()

    def _decode(self, paths: Sequence[Path], images: Tensor) -> None:
        for path, image in zip(paths, images, strict=True):
            image.copy_(torch.from_numpy(self._pixels(path)))

    def _pixels(self, path: Path) -> Pixels:
        try:
            return pixels(path, self._canvas)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            raise UserError(f"{path} cannot be decoded ({reason(problem)}): remove or replace it") from problem

    def _valid(self, paths: Sequence[Path], check: str) -> tuple[dict[Path, Facts], dict[Path, str]]:
        """Return what is special about those of ``paths`` that pass ``check``, and report and return the others."""
        size = {"decode": DECODED, "open": OPENED}[check]
        looked = _looked_at(paths, lambda path: self._look(path, check == "decode"), size, f"images in {self._folder}")
        problems = {path: why for path, why in looked.items() if isinstance(why, str)}
        if problems:
            shown = [f"{self._shown(path)} ({why})" for path, why in itertools.islice(problems.items(), SHOWN)]
            more = ", …" if len(problems) > SHOWN else ""
            warn(f"left out {len(problems)} of {len(paths)} files in {self._folder}: {', '.join(shown)}{more}")
        return {path: found for path, found in looked.items() if not isinstance(found, str)}, problems

    def _look(self, path: Path, decode: bool) -> Facts | str:
        """Return what is special about an image, or why it cannot be used."""
        try:
            return facts(path, self._canvas, decode)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            return reason(problem) or "damaged"


def images_among(paths: Sequence[Path], folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the images among files, and the others; the content decides where the name does not say so."""
    unnamed = [path for path in paths if not named_as_image(path)]
    looked = _looked_at(unnamed, header_problem, OPENED, f"files in {folder}")
    others = {path: problem for path, problem in looked.items() if problem}
    return [path for path in paths if path not in others], list(others)


def _looked_at(paths: Sequence[Path], look: Callable[[Path], T], size: int, what: str) -> dict[Path, T]:
    """Return what ``look`` returns for each path; a thread looks at ``size`` of them at once."""
    chunks = [paths[start : start + size] for start in range(0, len(paths), size)]
    looked: dict[Path, T] = {}
    with without_warnings(), ThreadPoolExecutor() as pool:
        found = pool.map(lambda chunk: {path: look(path) for path in chunk}, chunks)
        for some in track(found, f"checking {what}", len(chunks)):
            looked |= some
    return looked
