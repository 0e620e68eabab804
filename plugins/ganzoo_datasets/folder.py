"""Images from a folder: checked before training, decoded when they are read."""

from __future__ import annotations

import dataclasses
import itertools
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, Limits, UserError, warn
from ganzoo_datasets.images import Canvas, Facts, Pixels, facts, pixels, reason
from ganzoo_datasets.pixel_notes import pixel_notes, with_usual_limits
from ganzoo_datasets.trees import CHANNELS, FolderConfig, images_below

MODES = {"rgb": "RGB", "grey": "L", "rgba": "RGBA"}
SHOWN = 3
# Files per task of a thread: with single files, the overhead of a task would be larger than its work.
OPENED, DECODED = 200, 16


class FolderDataset(Dataset):
    """All images in a folder; the constructor decodes or opens each file, and leaves out those that are not images.

    Raises :class:`UserError` where the folder, or the folder of a class, has no image.
    """

    def __init__(self, config: FolderConfig, root: Path):
        self._folder = config.folder(root)
        width, height = config.size
        self._shape = (CHANNELS[config.channels], height, width)
        self._canvas = Canvas(width, height, MODES[config.channels], config.fit, config.colour)
        classes = config.classes(root)
        found = [images_below(folder) for folder in classes.values() or (self._folder,)]
        valid = self._valid(list(itertools.chain(*found)), config.check)
        special = list(valid.values())
        if config.limits:
            limits = Limits(*config.limits)
            self._canvas = dataclasses.replace(self._canvas, whole=limits, real=limits)
        else:
            self._canvas = with_usual_limits(self._canvas, special)
        self._notes = tuple(pixel_notes(self._canvas, special, config.background, bool(config.limits)))
        kept = [[path for path in paths if path in valid] for paths in found]
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
        self._labelled = bool(classes)

    def __len__(self) -> int:
        return len(self._paths)

    def notes(self) -> Sequence[str]:
        """Return what became of pixels: what is transparent, beyond 8 bits, animated or of another shape."""
        return self._notes

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, height, width) uint8 and, with classes, ``label`` (B,); raises for a damaged file."""
        images = torch.empty(len(indices), *self._shape, dtype=torch.uint8)
        # In the worker processes of a loader torch has one thread, so they do not compete for the cores.
        with _without_warnings(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for _ in pool.map(self._decode, torch.split(indices, DECODED), torch.split(images, DECODED)):
                pass
        return {"image": images, "label": self._labels[indices]} if self._labelled else {"image": images}

    def _decode(self, indices: Tensor, images: Tensor) -> None:
        for index, image in zip(indices.tolist(), images, strict=True):
            image.copy_(torch.from_numpy(self._pixels(index)))

    def _pixels(self, index: int) -> Pixels:
        path = Path(self._paths[index])
        try:
            return pixels(path, self._canvas)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            raise UserError(f"{path} cannot be decoded ({reason(problem)}): remove or replace it") from problem

    def _valid(self, paths: Sequence[Path], check: str) -> dict[Path, Facts]:
        """Return those of ``paths`` that pass ``check``, with what is special about them, and report the others."""
        size = {"decode": DECODED, "open": OPENED}[check]
        chunks = (paths[start : start + size] for start in range(0, len(paths), size))
        looked: dict[Path, Facts | str] = {}
        with _without_warnings(), ThreadPoolExecutor() as pool:
            for found in pool.map(lambda chunk: {path: self._look(path, check == "decode") for path in chunk}, chunks):
                looked |= found
        problems = {path: why for path, why in looked.items() if isinstance(why, str)}
        if problems:
            shown = [
                f"{path.relative_to(self._folder)} ({why})" for path, why in itertools.islice(problems.items(), SHOWN)
            ]
            more = ", …" if len(problems) > SHOWN else ""
            warn(f"left out {len(problems)} of {len(paths)} files in {self._folder}: {', '.join(shown)}{more}")
        return {path: found for path, found in looked.items() if not isinstance(found, str)}

    def _look(self, path: Path, decode: bool) -> Facts | str:
        """Return what is special about an image, or why it cannot be used."""
        try:
            return facts(path, self._canvas, decode)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            return reason(problem) or "damaged"


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence Pillow's warnings about odd files; files that cannot be used are reported by :meth:`_valid`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
