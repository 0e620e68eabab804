"""Distributions of the noise."""

from __future__ import annotations

from typing import final

from torch import Tensor

from ganzoo.plugin import Draws, Latent
from ganzoo_training.configs import NormalConfig, UniformConfig


@final
class Normal(Latent):
    """Independent N(0, 1) coordinates."""

    def __init__(self, config: NormalConfig):
        self.shape = (config.size,)

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise (B, Z)."""
        return draws.normal(count, *self.shape)


@final
class Uniform(Latent):
    """Independent uniform coordinates between ``lowest`` and ``highest``."""

    def __init__(self, config: UniformConfig):
        self.shape = (config.size,)
        self._lowest, self._width = config.lowest, config.highest - config.lowest

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise (B, Z)."""
        return draws.uniform(count, *self.shape) * self._width + self._lowest
