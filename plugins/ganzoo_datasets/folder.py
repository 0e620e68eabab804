"""Images from a folder: checked before training, decoded when they are read."""

from __future__ import annotations

import itertools
import os
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, UserError, open_file, warn
from ganzoo_datasets.images import Pixels, header_problem, pixels, reason
from ganzoo_datasets.trees import CHANNELS, FolderConfig, images_below

MODES = {"rgb": "RGB", "grey": "L", "rgba": "RGBA"}
SHOWN = 3
# Files per task of a thread: with single files, the overhead of a task would be larger than its work.
OPENED, DECODED = 200, 16
END = 256  # bytes of a file that identify it, with its name and size


class FolderDataset(Dataset):
    """All images in a folder; the constructor decodes or opens each file, and leaves out those that are not images.

    Raises :class:`UserError` where the folder, or the folder of a class, has no image.
    """

    def __init__(self, config: FolderConfig, root: Path):
        self._folder = config.folder(root)
        self._shape = (CHANNELS[config.channels], config.size, config.size)
        self._mode = MODES[config.channels]
        classes = config.classes(root)
        found = [images_below(folder) for folder in classes.values() or (self._folder,)]
        valid = self._valid(list(itertools.chain(*found)), config.check)
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

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, size, size) uint8 and, with classes, ``label`` (B,); raises for a damaged file."""
        images = torch.empty(len(indices), *self._shape, dtype=torch.uint8)
        # In the worker processes of a loader torch has one thread, so they do not compete for the cores.
        with _without_warnings(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for _ in pool.map(self._decode, torch.split(indices, DECODED), torch.split(images, DECODED)):
                pass
        return {"image": images, "label": self._labels[indices]} if self._labelled else {"image": images}

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
            return pixels(path, self._shape[-1], self._mode)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            raise UserError(f"{path} cannot be decoded ({reason(problem)}): remove or replace it") from problem

    def _valid(self, paths: Sequence[Path], check: str) -> set[Path]:
        """Return those of ``paths`` that pass ``check``, and report the others."""
        problem_of, size = {"decode": (self._decode_problem, DECODED), "open": (header_problem, OPENED)}[check]
        chunks = (paths[start : start + size] for start in range(0, len(paths), size))
        problems: dict[Path, str] = {}
        with _without_warnings(), ThreadPoolExecutor() as pool:
            for found in pool.map(lambda chunk: {path: problem_of(path) for path in chunk}, chunks):
                problems |= {path: why for path, why in found.items() if why}
        if problems:
            shown = [
                f"{path.relative_to(self._folder)} ({why})" for path, why in itertools.islice(problems.items(), SHOWN)
            ]
            more = ", …" if len(problems) > SHOWN else ""
            warn(f"left out {len(problems)} of {len(paths)} files in {self._folder}: {', '.join(shown)}{more}")
        return set(paths) - problems.keys()

    def _decode_problem(self, path: Path) -> str:
        try:
            pixels(path, self._shape[-1], self._mode)
        except Exception as problem:  # Pillow raises many kinds of errors for damaged files
            return reason(problem)
        return ""


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Silence Pillow's warnings about odd files; files that cannot be used are reported by :meth:`_valid`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
