"""Drawn shapes with captions, of which some combinations are held out for the test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_datasets.counters import uniform
from ganzoo_datasets.drawing import DISTANCES, Array, Sketch, draw
from ganzoo_datasets.scenes import COLOURS, PLACES, SHAPES
from ganzoo_words.captions import TESTS, CaptionedScene, CaptionedShapesConfig, scenes_of

RADII: Final = {"a": (0.19, 0.26), "two": (0.14, 0.17)}  # in widths of the image
APART: Final = 0.21  # of each of two shapes from the middle of both, in widths
JITTER, TILT, DIMMEST, BACKGROUND = 0.03, 0.14, 0.8, (10.0, 70.0)

DRAWS: Final = 7
CHUNK: Final = 256


@final
class CaptionedShapes(Dataset):
    """One or two shapes of a kind in each image, drawn when they are read; (seed, split, index) determines each."""

    def __init__(self, config: CaptionedShapesConfig, root: Path):
        self._config = config
        self._scenes = scenes_of(config.split, config.held_out)
        self._captions = torch.tensor([scene.tokens for scene in self._scenes])
        self._labels = torch.tensor([SHAPES.index(scene.shape) for scene in self._scenes])

    def __len__(self) -> int:
        return self._config.count if self._config.split == "train" else TESTS

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` uint8 (B, 3, size, size), ``caption`` int64 (B, 6) and ``label`` int64 (B,)."""
        numbers = indices.numpy()
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < len(self):
            raise IndexError(f"examples {numbers.min()} to {numbers.max()} are not all among {len(self)}")
        drawn = uniform(self._config.seed, f"captioned-shapes/{self._config.split}", numbers, DRAWS)
        kinds = (drawn[:, 0] * len(self._scenes)).astype(np.int64)
        size = self._config.size
        images = torch.empty(len(numbers), 3, size, size, dtype=torch.uint8)
        for start in range(0, len(numbers), CHUNK):
            chunk = slice(start, start + CHUNK)
            scenes = [self._scenes[kind] for kind in kinds[chunk]]
            images[chunk] = torch.from_numpy(pictures(scenes, drawn[chunk, 1:], size))
        return {"image": images, "caption": self._captions[kinds], "label": self._labels[kinds]}

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the images."""
        config = self._config
        return (repr((config.size, config.seed, config.split, config.held_out)).encode(),)


def pictures(scenes: Sequence[CaptionedScene], free: Array, size: int) -> Array:
    """Return images (B, 3, size, size), uint8, of scenes (B,); random numbers (B, 6) say all that they leave open."""
    cover = covers(scenes, free, size)[:, None]
    colour = np.array([COLOURS[scene.colour] for scene in scenes], np.float32) * _between(DIMMEST, 1, free[:, 4:5])
    ground = _between(*BACKGROUND, free[:, 5])[:, None, None, None]
    images: Array = np.rint(ground + cover * (colour[:, :, None, None] - ground)).astype(np.uint8)
    return images


def covers(scenes: Sequence[CaptionedScene], free: Array, size: int) -> Array:
    """Return how much of each pixel shapes cover, float32 (B, size, size) in 0 … 1."""
    free = free.astype(np.float32)
    place = np.array([PLACES[scene.place] for scene in scenes], np.float32)
    radii = np.array([RADII[scene.number] for scene in scenes], np.float32)
    centre = 0.5 + place + JITTER * (2 * free[:, 0:2] - 1)
    # Two shapes on the left or the right are above each other, others beside each other.
    along = np.array([(0.0, APART) if scene.place in ("left", "right") else (APART, 0.0) for scene in scenes])
    along[[scene.number == "a" for scene in scenes]] = 0.0
    found = np.zeros((len(scenes), size, size), np.float32)
    for side in (-1, 1):
        sketch = Sketch(
            centre=(centre + side * along).astype(np.float32),
            radius=_between(radii[:, 0], radii[:, 1], free[:, 2]),
            angle=TILT * (2 * free[:, 3] - 1),
            colour=np.full((len(scenes), 3), 255, np.float32),
            background=np.zeros((len(scenes), 1), np.float32),
        )
        for shape, distance in DISTANCES.items():
            chosen = np.flatnonzero([scene.shape == shape for scene in scenes])
            if len(chosen):
                drawn = draw(distance, Sketch(*(values[chosen] for values in vars(sketch).values())), size)
                found[chosen] = np.maximum(found[chosen], drawn[:, 0] / np.float32(255))
    return found


def _between(low: Array | float, high: Array | float, share: Array) -> Array:
    return low + (high - low) * share
