"""Drawn shapes with exact ground truth: a class, attributes and a caption for every image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_datasets.counters import uniform
from ganzoo_datasets.drawing import DISTANCES, Array, Distance, Sketch, draw
from ganzoo_datasets.scenes import COLOURS, PLACES, SCENES, SHAPES, Scene, ShapesConfig

RADII = {"small": (0.14, 0.18), "large": (0.25, 0.30)}
JITTER = 0.03  # of the centre, in widths
TILT = 0.14  # radians
DIMMEST = 0.8  # of a colour
BACKGROUND = (10.0, 70.0)

DRAWS = 7
CHUNK = 256


class ShapesDataset(Dataset):
    """Images of one coloured shape each, drawn when they are read; (seed, index) alone determines each."""

    def __init__(self, config: ShapesConfig, root: Path):
        self._config = config
        self._fields = {
            "label": torch.tensor([SHAPES.index(scene.shape) for scene in SCENES]),
            "attributes": torch.tensor([scene.attributes for scene in SCENES]),
            "caption": torch.tensor([scene.tokens for scene in SCENES]),
        }

    def __len__(self) -> int:
        return self._config.count

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` uint8 and its ground truth: ``label``, ``attributes`` and ``caption``."""
        numbers = indices.numpy()
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(f"examples {numbers.min()} to {numbers.max()} are not all among {len(self)}")
        size, seed = self._config.size, self._config.seed
        images = torch.empty(len(numbers), 3, size, size, dtype=torch.uint8)
        for start in range(0, len(numbers), CHUNK):
            chunk = slice(start, start + CHUNK)
            images[chunk] = torch.from_numpy(pictures(seed, numbers[chunk], size))
        kinds = torch.from_numpy(_kinds(_uniform(seed, numbers)))
        return {"image": images, **{name: table[kinds] for name, table in self._fields.items()}}

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the images."""
        return (repr((self._config.size, self._config.seed)).encode(),)


def truth(seed: int, index: int) -> Scene:
    """Return the scene of example ``index`` of the dataset with ``seed``."""
    return SCENES[int(_kinds(_uniform(seed, np.array([index])))[0])]


def pictures(seed: int, indices: Array, size: int, distances: Mapping[str, Distance] = DISTANCES) -> Array:
    """Return the images (B, 3, size, size), uint8, of the examples ``indices`` (B,), with a figure for each shape."""
    numbers = _uniform(seed, indices)
    kinds, free = _kinds(numbers), numbers[:, 1:].astype(np.float32)
    sketch = Sketch(
        centre=0.5 + _PLACES[kinds] + JITTER * (2 * free[:, 0:2] - 1),
        radius=_between(_RADII[kinds, 0], _RADII[kinds, 1], free[:, 2]),
        angle=TILT * (2 * free[:, 3] - 1),
        colour=_COLOURS[kinds] * _between(DIMMEST, 1, free[:, 4:5]),
        background=_between(*BACKGROUND, free[:, 5:6]),
    )
    images = np.empty((len(indices), 3, size, size), np.uint8)
    for shape, distance in distances.items():
        chosen = np.flatnonzero(_SHAPES[kinds] == SHAPES.index(shape))
        images[chosen] = draw(distance, Sketch(*(values[chosen] for values in vars(sketch).values())), size)
    return images


_SHAPES = np.array([SHAPES.index(scene.shape) for scene in SCENES])
_PLACES = np.array([PLACES[scene.place] for scene in SCENES], np.float32)
_COLOURS = np.array([COLOURS[scene.colour] for scene in SCENES], np.float32)
_RADII = np.array([RADII[scene.size] for scene in SCENES], np.float32)


def _between(low: Array | float, high: Array | float, share: Array) -> Array:
    return low + (high - low) * share


def _kinds(numbers: Array) -> Array:
    """Return the scenes (B,), as indices into ``SCENES``, chosen by the first random number of each example."""
    kinds: Array = (numbers[:, 0] * len(SCENES)).astype(np.int64)
    return kinds


def _uniform(seed: int, indices: Array) -> Array:
    """Return the random numbers (B, DRAWS) in [0, 1) of each example."""
    return uniform(seed, "shapes", indices, DRAWS)
