"""Pairs of drawn figures: a figure and its garment, and a figure in two poses."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Final, Generic, TypeVar, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.plugin import Dataset, key
from ganzoo_images.derived_options import INPUT, TARGET
from ganzoo_images.figure_drawing import HAIR, LEGS, PALETTE, SKIN, Array, Clothes, figures, garments, posed
from ganzoo_images.figure_options import GARMENTS, FiguresConfig, GarmentsConfig, PosesConfig

C = TypeVar("C", bound=FiguresConfig)

TESTS: Final = 500
POSE, LOOKS = 11, 7  # random numbers of a pose, and of clothes and looks
HELD_OUT: Final = 5  # one of so many garments, by kind, colour and stripes, is for the test


class Figures(Dataset, Generic[C]):
    """Drawn figures; (seed, index) alone determines each. Those of the test wear what none of the training wears."""

    def __init__(self, config: C, root: Path):
        self.config = config
        self._first = 0 if config.split == "train" else config.count

    def __len__(self) -> int:
        return self.config.count if self.config.split == "train" else TESTS

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the pictures, uint8 (B, 3, size, size), and ``label``, the kind of the garment."""
        numbers = np.stack([self._numbers(int(index)) for index in indices]) if len(indices) else np.empty((0, 29))
        clothes = self._clothes(numbers[:, 2 * POSE :])
        fields = self.pairs(numbers[:, :POSE], numbers[:, POSE : 2 * POSE], clothes)
        made = {name: torch.from_numpy(values) for name, values in fields.items()}
        return {**made, "label": torch.from_numpy(clothes.garment.astype(np.int64))}

    @abstractmethod
    def pairs(self, pose: Array, other: Array, clothes: Clothes) -> dict[str, Array]:
        """Return the fields besides the label, for two poses (B, 11) and clothes."""

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the pictures."""
        return (repr((self.config.size, self.config.seed)).encode(),)

    def _numbers(self, index: int) -> Array:
        """Return random numbers of an example, in [0, 1)."""
        number = index + self._first
        return np.random.Generator(np.random.Philox(key(self.config.seed, "figures", number))).random(2 * POSE + LOOKS)

    def _clothes(self, numbers: Array) -> Clothes:
        """Return clothes by random numbers (B, 7): of the garments that belong to the part."""
        every = np.arange(len(GARMENTS) * len(PALETTE) * 2)
        held_out = every % HELD_OUT == HELD_OUT - 1
        part = every[held_out if self.config.split == "test" else ~held_out]
        garment = part[(numbers[:, 0] * len(part)).astype(int)]
        sizes = enumerate((len(LEGS), 2, len(SKIN), len(HAIR)), start=1)
        trousers, long, skin, hair = ((numbers[:, place] * size).astype(int) for place, size in sizes)
        kind, colour = garment // 2 // len(PALETTE), garment // 2 % len(PALETTE)
        return Clothes(kind, colour, garment % 2, trousers, long == 1, skin, hair)


@final
class Garments(Figures[GarmentsConfig]):
    """A figure, and what it wears above: the garment alone, in one place."""

    def pairs(self, pose: Array, other: Array, clothes: Clothes) -> dict[str, Array]:
        """Return ``input``, the figure, and ``target``, the garment."""
        size = self.config.size
        return {INPUT: figures(posed(pose), clothes, size), TARGET: garments(clothes, size)}


@final
class Poses(Figures[PosesConfig]):
    """A figure in one pose, the joints of another pose, and the same figure in that pose."""

    def pairs(self, pose: Array, other: Array, clothes: Clothes) -> dict[str, Array]:
        """Return ``input`` and ``target``, the figures, and ``joints`` (B, 22) of the second one, in [-1, 1]."""
        size, joints = self.config.size, posed(other)
        points = (2 * joints - 1).reshape(len(joints), -1).astype(np.float32)
        return {INPUT: figures(posed(pose), clothes, size), "joints": points, TARGET: figures(joints, clothes, size)}
