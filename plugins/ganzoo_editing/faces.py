"""Drawn faces with exact attributes, and the true answer to every edit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_datasets.counters import Array, uniform
from ganzoo_editing.face_options import ATTRIBUTES, SEEN, UNSEEN, FacesConfig

TESTS: Final = 1000  # examples of the test, at most
DRAWS: Final = 14
CHUNK: Final = 256
SKINS = np.array([(245, 208, 175), (120, 78, 52)], np.float32)
BLOND, BROWN, BLACK = (np.array(each, np.float32) for each in ((240, 205, 90), (110, 66, 35), (38, 30, 28)))
SHIRTS = np.array([(60, 90, 190), (40, 140, 90), (150, 60, 140)], np.float32)
HATS = np.array([(205, 45, 50), (45, 60, 150)], np.float32)
GROUNDS = np.array([(205, 215, 225), (160, 185, 170)], np.float32)
INK, WHITE, LIPS = (np.array(each, np.float32) for each in ((25, 25, 30), (250, 250, 250), (150, 35, 45)))

Layer = tuple[Array, Array]
"""The distance from the edge (B, H, W), in widths and negative inside, and the colour (B, 3)."""


@final
class Faces(Dataset):
    """A face, the same face with one attribute changed, and the attributes of both; (seed, index) determines all.

    The images of the test follow those of the training, and have other combinations of attributes.
    """

    def __init__(self, config: FacesConfig, root: Path):
        self._config = config
        train = config.split == "train"
        self._first, self._combinations = (0, SEEN) if train else (config.count, UNSEEN)

    def __len__(self) -> int:
        return self._config.count if self._config.split == "train" else min(TESTS, self._config.count)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` and ``edited`` uint8 (B, 3, size, size), ``attributes`` and ``others`` float32 (B, A)."""
        numbers = uniform(self._config.seed, "faces", indices.numpy() + self._first, DRAWS)
        attributes = np.array(self._combinations, np.float32)[_chosen(numbers[:, 0], len(self._combinations))]
        wanted = attributes.copy()
        rows, changed = np.arange(len(wanted)), _chosen(numbers[:, 1], len(ATTRIBUTES))
        wanted[rows, changed] = 1 - wanted[rows, changed]
        drawn = [_in_chunks(numbers[:, 2:], each, self._config.size) for each in (attributes, wanted)]
        asked = [wanted, attributes] if self._config.task == "edit" else [attributes, wanted]
        names = ("image", "edited", "attributes", "others")
        return {name: torch.from_numpy(values) for name, values in zip(names, (*drawn, *asked), strict=True)}

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the images."""
        return (repr((self._config.size, self._config.seed)).encode(),)


def _chosen(numbers: Array, many: int) -> Array:
    chosen: Array = (numbers * many).astype(np.int64)
    return chosen


def _in_chunks(numbers: Array, attributes: Array, size: int) -> Array:
    images = np.empty((len(numbers), 3, size, size), np.uint8)
    for start in range(0, len(numbers), CHUNK):
        chunk = slice(start, start + CHUNK)
        images[chunk] = draw_faces(numbers[chunk], attributes[chunk], size)
    return images


def draw_faces(numbers: Array, attributes: Array, size: int) -> Array:
    """Return images (B, 3, size, size), uint8, of faces with ``attributes`` (B, A), each 0 or 1.

    ``numbers`` (B, 12) in [0, 1) are what else differs from face to face: place, size, colours, shape of the head.
    """
    free = numbers.astype(np.float32)
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    scale = _between(0.92, 1.08, free[:, 2])[:, None, None]
    x = (line[None, None, :] - _between(0.46, 0.54, free[:, 0])[:, None, None]) / scale
    y = (line[None, :, None] - _between(0.50, 0.56, free[:, 1])[:, None, None]) / scale
    x, y = np.broadcast_arrays(x, y)
    image = np.broadcast_to(_mixed(GROUNDS, free[:, 3])[:, :, None, None], (len(free), 3, size, size))
    for distance, colour in _layers(x, y, free, dict(zip(ATTRIBUTES, attributes.T > 0.5, strict=True))):
        cover = np.clip(0.5 - distance * scale * size, 0, 1)[:, None]
        image = image + cover * (colour[:, :, None, None] - image)
    images: Array = np.rint(image).astype(np.uint8)
    return images


def _layers(x: Array, y: Array, free: Array, true: dict[str, Array]) -> Iterator[Layer]:
    """Yield what is drawn, from behind to the front; x and y (B, H, W) start at the middle of the head."""
    many = len(free)
    dark = BLACK + (BROWN - BLACK) * free[:, 4:5]
    hair = np.where(true["blond"][:, None], BLOND * _between(0.92, 1, free[:, 5:6]), dark)
    skin, hat = _mixed(SKINS, free[:, 6]), _mixed(HATS, np.round(free[:, 7]))
    wide = _between(0.20, 0.235, free[:, 8])[:, None, None]
    apart = _between(0.085, 0.105, free[:, 9])[:, None, None]
    shirt = SHIRTS[_chosen(free[:, 10], len(SHIRTS))] * _between(0.85, 1, free[:, 11:12])

    def plain(colour: Array) -> Array:
        return np.broadcast_to(colour, (many, 3))

    yield _shown(_box(x, y - 0.08, wide + 0.065, 0.30), true["long-hair"]), hair
    yield _ellipse(x, y - 0.52, 0.36, 0.2), shirt
    head = _ellipse(x, y, wide, 0.28)
    yield np.minimum(head, _box(x, y - 0.28, 0.07, 0.1)), skin
    beard = np.maximum(head, 0.09 - y)
    yield _shown(beard, true["beard"]), hair * 0.85
    yield np.maximum(_ellipse(x, y, wide + 0.03, 0.31), y + 0.11), hair
    for side in (-1, 1):
        yield _ellipse(x - side * apart, y + 0.02, 0.042, 0.032), plain(WHITE)
        yield _ellipse(x - side * apart, y + 0.02, 0.024, 0.026), plain(INK)
    smile = np.maximum(np.abs(np.hypot(x, y - 0.06) - 0.1) - 0.021, 0.115 - y)
    straight = _box(x, y - 0.155, 0.075, 0.018)
    yield np.where(true["smiling"][:, None, None], smile, straight), plain(LIPS)
    rings = np.minimum(*(np.abs(np.hypot(x - side * apart, y + 0.02) - 0.072) - 0.014 for side in (-1, 1)))
    yield _shown(np.minimum(rings, _box(x, y + 0.03, apart - 0.06, 0.012)), true["glasses"]), plain(INK)
    crown = np.minimum(_box(x, y + 0.30, wide - 0.01, 0.11), _box(x, y + 0.205, wide + 0.11, 0.028))
    yield _shown(crown, true["hat"]), hat


def _shown(distance: Array, true: Array) -> Array:
    return np.where(true[:, None, None], distance, 1.0)


def _ellipse(x: Array, y: Array, width: Array | float, height: float) -> Array:
    distance: Array = (np.hypot(x / width, y / height) - 1) * np.minimum(width, height)
    return distance


def _box(x: Array, y: Array, width: Array | float, height: float) -> Array:
    distance: Array = np.maximum(np.abs(x) - width, np.abs(y) - height)
    return distance


def _between(low: float, high: float, share: Array) -> Array:
    return low + (high - low) * share


def _mixed(colours: Array, share: Array) -> Array:
    mixed: Array = colours[0] + (colours[1] - colours[0]) * share[:, None]
    return mixed
