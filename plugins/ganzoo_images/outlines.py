"""Drawn shapes twice: as an outline, and filled."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_datasets.drawing import DISTANCES, Array, Distance
from ganzoo_datasets.scenes import SHAPES
from ganzoo_datasets.shapes import pictures, truth
from ganzoo_images.derived_options import INPUT, TARGET
from ganzoo_images.outline_options import OutlinesConfig

LINE: Final = 0.14  # width of an outline, in radii
TESTS: Final = 1000  # pairs for the test


def _outlined(distance: Distance) -> Distance:
    """Return the distance from the line inside the edge of a shape."""

    def inside(x: Array, y: Array) -> Array:
        depth = distance(x, y)
        return np.maximum(depth, -depth - LINE)

    return inside


OUTLINES: Mapping[str, Distance] = MappingProxyType({name: _outlined(each) for name, each in DISTANCES.items()})


@final
class Outlines(Dataset):
    """The outline of a shape, and the same shape filled; (seed, index) alone determines each pair."""

    def __init__(self, config: OutlinesConfig, root: Path):
        self._config = config
        self._first = 0 if config.split == "train" else config.count

    def __len__(self) -> int:
        return self._config.count if self._config.split == "train" else TESTS

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``input``, the outline, and ``target``, filled, uint8 (B, 3, size, size), and ``label``."""
        seed, size, numbers = self._config.seed, self._config.size, (indices + self._first).numpy()
        drawn = {name: pictures(seed, numbers, size, kinds) for name, kinds in ((INPUT, OUTLINES), (TARGET, DISTANCES))}
        labels = [SHAPES.index(truth(seed, int(number)).shape) for number in numbers]
        return {**{name: torch.from_numpy(images) for name, images in drawn.items()}, "label": torch.tensor(labels)}

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the images."""
        return (repr((self._config.size, self._config.seed)).encode(),)
