"""Gaussians on a circle: the smallest data on which a GAN can lose modes."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.interfaces import Dataset
from ganzoo.randomness import key
from ganzoo_datasets.configs import RingConfig


class RingDataset(Dataset):
    """Points around the corners of a regular polygon, as many at each corner.

    Source: Metz et al., "Unrolled Generative Adversarial Networks", arXiv:1611.02163, section 3.1.
    """

    def __init__(self, config: RingConfig, root: Path):
        self._labels = torch.arange(config.count) % config.modes
        noise = torch.randn(config.count, 2, generator=torch.Generator().manual_seed(key(config.seed, "ring")))
        self._points = centres(config)[self._labels] + config.std * noise

    def __len__(self) -> int:
        return len(self._labels)

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``point`` (B, 2) float32 and ``label`` (B,) int64."""
        return {"point": self._points[indices], "label": self._labels[indices]}


def centres(config: RingConfig) -> Tensor:
    """Return the means of the Gaussians, (modes, 2); the first lies on the x axis, the next anticlockwise."""
    angles = torch.arange(config.modes, dtype=torch.float64) * (2 * math.pi / config.modes)
    return (config.radius * torch.stack([angles.cos(), angles.sin()], dim=1)).float()
