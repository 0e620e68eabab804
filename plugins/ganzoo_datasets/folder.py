"""Images from a folder: each looked at before training, and decoded when it is read."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.plugin import Dataset, UserError, warn
from ganzoo_datasets.images import Pixels, fault, pixels, reason
from ganzoo_datasets.trees import CHANNELS, FolderConfig, images_below

MODES = {"rgb": "RGB", "grey": "L"}
SHOWN = 3
# Files for a thread to go through at a time: one by one, handing them over would take longer than looking at them.
OPENED, DECODED = 200, 16


class FolderDataset(Dataset):
    """Every image in a folder; building it decodes each, or only opens it, to leave out what is none.

    Raises :class:`UserError` where there is no image, or none of some class.
    """

    def __init__(self, config: FolderConfig, root: Path):
        self._folder = config.folder(root)
        self._shape = (CHANNELS[config.channels], config.size, config.size)
        self._mode = MODES[config.channels]
        classes = config.classes(root)
        found = [images_below(folder) for folder in classes.values() or (self._folder,)]
        sound = self._sound(list(itertools.chain(*found)), config.check)
        kept = [[path for path in paths if path in sound] for paths in found]
        empty = [name for name, paths in zip(classes, kept, strict=False) if not paths]
        if not sound:
            raise UserError(f"{self._folder} has no image that can be read: put sound images there")
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
        """Return ``image`` uint8 and, where there are classes, ``label``; raises for a damaged file."""
        images = torch.empty(len(indices), *self._shape, dtype=torch.uint8)
        # Torch has one thread in a loader's workers, so that there they do not crowd each other.
        with _unwarned(), ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for _ in pool.map(self._decode, torch.split(indices, DECODED), torch.split(images, DECODED)):
                pass
        return {"image": images, "label": self._labels[indices]} if self._labelled else {"image": images}

    def _decode(self, indices: Tensor, images: Tensor) -> None:
        for index, image in zip(indices.tolist(), images, strict=True):
            image.copy_(torch.from_numpy(self._pixels(index)))

    def _pixels(self, index: int) -> Pixels:
        path = Path(self._paths[index])
        try:
            return pixels(path, self._shape[-1], self._mode)
        except Exception as problem:  # a damaged file makes Pillow raise almost anything
            raise UserError(f"{path} cannot be decoded ({reason(problem)}): remove or replace it") from problem

    def _sound(self, paths: Sequence[Path], check: str) -> set[Path]:
        """Return those of ``paths`` that are images, as far as ``check`` tells; says how many are not."""
        look, together = {"decode": (self._undecodable, DECODED), "open": (fault, OPENED)}[check]
        chunks = (paths[start : start + together] for start in range(0, len(paths), together))
        faults: dict[Path, str] = {}
        with _unwarned(), ThreadPoolExecutor() as pool:
            for found in pool.map(lambda chunk: {path: look(path) for path in chunk}, chunks):
                faults |= {path: why for path, why in found.items() if why}
        if faults:
            shown = [
                f"{path.relative_to(self._folder)} ({why})" for path, why in itertools.islice(faults.items(), SHOWN)
            ]
            more = ", …" if len(faults) > SHOWN else ""
            warn(f"left out {len(faults)} of {len(paths)} files in {self._folder}: {', '.join(shown)}{more}")
        return set(paths) - faults.keys()

    def _undecodable(self, path: Path) -> str:
        try:
            pixels(path, self._shape[-1], self._mode)
        except Exception as problem:  # a damaged file makes Pillow raise almost anything
            return reason(problem)
        return ""


@contextmanager
def _unwarned() -> Iterator[None]:
    """Keep from people what Pillow finds odd in files; what cannot be used is told of otherwise."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
