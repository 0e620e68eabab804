"""Distributions of the noise."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.interfaces import Latent
from ganzoo_training.configs import NormalConfig, UniformConfig


@final
class Normal(Latent):
    """Independent N(0, 1) coordinates."""

    def __init__(self, config: NormalConfig):
        self.shape = (config.size,)

    def draw(self, count: int, rng: torch.Generator | None, device: torch.device) -> Tensor:
        """Return noise (B, Z)."""
        return torch.randn((count, *self.shape), generator=rng, device=device)


@final
class Uniform(Latent):
    """Independent coordinates between two ends."""

    def __init__(self, config: UniformConfig):
        self.shape = (config.size,)
        self._lowest, self._width = config.lowest, config.highest - config.lowest

    def draw(self, count: int, rng: torch.Generator | None, device: torch.device) -> Tensor:
        """Return noise (B, Z)."""
        return torch.rand((count, *self.shape), generator=rng, device=device).mul_(self._width).add_(self._lowest)
