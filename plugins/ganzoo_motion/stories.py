"""Stories of a shape: it stays the same, and each sentence says how large it is now, and where."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_datasets.counters import Array, uniform
from ganzoo_datasets.drawing import DISTANCES, Sketch, draw
from ganzoo_datasets.scenes import COLOURS, PLACES, SHAPES, SIZES
from ganzoo_datasets.shapes import BACKGROUND, DIMMEST, JITTER, RADII, TILT
from ganzoo_motion.story_options import SEEN, UNSEEN, StoriesConfig, sentence

TESTS: Final = 1000  # examples of the test, at most
DRAWS: Final = 4  # of a story: the pair, tilt, brightness, background
FRAME_DRAWS: Final = 5  # of a frame: size, place, its jitter in both directions, radius
_COLOURS: Final = np.array([*COLOURS.values()], np.float32)
_PLACES: Final = np.array([*PLACES.values()], np.float32)
_RADII: Final = np.array([RADII[size] for size in SIZES], np.float32)


@final
class Stories(Dataset):
    """Clips of one coloured shape, with a sentence for each frame; (seed, index) determines each."""

    def __init__(self, config: StoriesConfig, root: Path):
        self._config = config
        self._first, self._pairs = (config.count, UNSEEN) if config.split == "test" else (0, SEEN)
        scenes = itertools.product(SHAPES, COLOURS, SIZES, PLACES)
        table = torch.tensor([sentence(*scene) for scene in scenes])
        self._sentences = table.view(len(SHAPES), len(COLOURS), len(SIZES), len(PLACES), -1)

    def __len__(self) -> int:
        return self._config.count if self._config.split == "train" else min(TESTS, self._config.count)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``video`` uint8 (B, T, 3, size, size), ``story`` int64 (B, T · words), and ``label`` (B,)."""
        config = self._config
        many = DRAWS + FRAME_DRAWS * config.frames
        numbers = uniform(config.seed, "stories", indices.numpy() + self._first, many)
        pairs = np.array(self._pairs)[(numbers[:, 0] * len(self._pairs)).astype(np.int64)]
        each = numbers[:, DRAWS:].reshape(len(numbers), config.frames, FRAME_DRAWS)
        sizes, places = ((each[:, :, number] * len(of)).astype(np.int64) for number, of in enumerate((SIZES, PLACES)))
        frames = [
            self._drawn(pairs, numbers.astype(np.float32), sizes[:, t], places[:, t], each[:, t].astype(np.float32))
            for t in range(config.frames)
        ]
        shapes, colours = torch.from_numpy(pairs.T)
        said = self._sentences[shapes[:, None], colours[:, None], torch.from_numpy(sizes), torch.from_numpy(places)]
        return {
            "video": torch.from_numpy(np.stack(frames, axis=1)),
            "story": said.flatten(1),
            "label": shapes.clone(),
        }

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the stories."""
        config = self._config
        return (repr((config.size, config.frames, config.seed)).encode(),)

    def _drawn(self, pairs: Array, numbers: Array, sizes: Array, places: Array, free: Array) -> Array:
        """Return one frame (B, 3, size, size) of each story."""
        low, high = _RADII[sizes].T
        sketch = Sketch(
            centre=0.5 + _PLACES[places] + JITTER * (2 * free[:, 2:4] - 1),
            radius=low + (high - low) * free[:, 4],
            angle=TILT * (2 * numbers[:, 1] - 1),
            colour=_COLOURS[pairs[:, 1]] * (DIMMEST + (1 - DIMMEST) * numbers[:, 2:3]),
            background=BACKGROUND[0] + (BACKGROUND[1] - BACKGROUND[0]) * numbers[:, 3:4],
        )
        images = np.empty((len(pairs), 3, self._config.size, self._config.size), np.uint8)
        for number, shape in enumerate(SHAPES):
            chosen = np.flatnonzero(pairs[:, 0] == number)
            some = Sketch(*(values[chosen] for values in vars(sketch).values()))
            images[chosen] = draw(DISTANCES[shape], some, self._config.size)
        return images
