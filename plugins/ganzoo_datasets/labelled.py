"""Labelled images that are read once and held in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from ganzoo.plugin import Dataset, UserError
from ganzoo_datasets.configs import LabelledConfig

C = TypeVar("C", bound=LabelledConfig)

CHUNK = 4096
TOGETHER = 64  # images that one identity is of: each hash takes as long as that of 64 small images


class LabelledImages(Dataset, Generic[C]):
    """Images with class labels, read once in their original size and resized by each :meth:`read`.

    Resized all at once, 60,000 images may not fit into memory.
    """

    def __init__(self, config: C, root: Path):
        self._size = config.size
        self._images, self._labels = self.load(config, root)
        if config.limit is not None:
            kept = first_of_classes(self._labels, config.limit)
            self._images, self._labels = self._images[kept], self._labels[kept]

    @abstractmethod
    def load(self, config: C, root: Path) -> tuple[Tensor, Tensor]:
        """Return all images (N, C, H, W), uint8, in the size of their files, and their classes (N,), int64."""

    def __len__(self) -> int:
        return len(self._labels)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` (B, C, size, size) uint8 and ``label`` (B,) int64."""
        return {"image": resize(self._images[indices], self._size), "label": self._labels[indices]}

    def identities(self) -> Iterator[bytes]:
        """Yield the bytes of the files' images and classes, :data:`TOGETHER` of them at once."""
        for images, labels in zip(self._images.split(TOGETHER), self._labels.split(TOGETHER), strict=True):
            yield images.contiguous().numpy().tobytes() + labels.numpy().tobytes()


def first_of_classes(labels: Tensor, count: int) -> Tensor:
    """Return the indices of ``count`` examples, in order: the first ones of each of the classes (N,), in turn.

    So a larger count adds examples. Raises :class:`UserError` where there are fewer examples.

    >>> first_of_classes(torch.tensor([5, 5, 5, 0, 5, 0]), 4)
    tensor([0, 1, 3, 5])
    """
    if count > len(labels):
        raise UserError(f"it has {len(labels)} images: give a count of at most {len(labels)}")
    places = torch.empty_like(labels)  # of each example in its class
    for name in labels.unique():
        members = labels == name
        places[members] = torch.arange(int(members.sum()))
    return places.argsort(stable=True)[:count].sort().values


def resize(images: Tensor, size: int) -> Tensor:
    """Return uint8 images (N, C, H, W) as (N, C, size, size), resized bicubically without aliasing."""
    if images.shape[2:] == (size, size):
        return images
    resized = torch.empty(*images.shape[:2], size, size, dtype=torch.uint8)
    # In chunks, as floats take four times the memory of bytes, for the input and for the output.
    for part, chunk in zip(torch.split(resized, CHUNK), torch.split(images, CHUNK), strict=True):
        smooth = F.interpolate(chunk.float(), (size, size), mode="bicubic", antialias=True)
        part.copy_(smooth.round_().clamp_(0, 255))
    return resized
