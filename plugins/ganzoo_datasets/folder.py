"""Images from a folder, decoded when they are read."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.interfaces import Dataset
from ganzoo_datasets.files import say
from ganzoo_datasets.images import Pixels, fault, pixels, reason
from ganzoo_datasets.trees import CHANNELS, FolderConfig, images_below

MODES = {"rgb": "RGB", "grey": "L"}
SHOWN = 3
# Files for a thread to go through at a time: one by one, handing them over would take longer than looking at them.
OPENED, DECODED = 200, 16


class FolderDataset(Dataset):
    """Every image in a folder; building it opens each, to leave out what is none, and decodes nothing.

    Raises :class:`UserError` where there is no image, or none of some class.
    """

    def __init__(self, config: FolderConfig, root: Path):
        self._folder = config.folder(root)
        self._shape = (CHANNELS[config.channels], config.size, config.size)
        self._mode = MODES[config.channels]
        classes = config.classes(root)
        found = [images_below(folder) for folder in classes.values() or (self._folder,)]
        sound = _sound(list(itertools.chain(*found)), self._folder)
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
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
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


def _sound(paths: Sequence[Path], folder: Path) -> set[Path]:
    """Return those of ``paths`` whose headers are those of images; says how many are not."""
    faults: dict[Path, str] = {}
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        # What Pillow warns of as too large is left out here.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for found in pool.map(_faults, (paths[start : start + OPENED] for start in range(0, len(paths), OPENED))):
            faults |= found
    if faults:
        shown = [f"{path.relative_to(folder)} ({why})" for path, why in itertools.islice(faults.items(), SHOWN)]
        more = ", …" if len(faults) > SHOWN else ""
        say(f"left out {len(faults)} of {len(paths)} files in {folder}: {', '.join(shown)}{more}")
    return set(paths) - faults.keys()


def _faults(paths: Sequence[Path]) -> dict[Path, str]:
    return {path: why for path in paths if (why := fault(path))}
