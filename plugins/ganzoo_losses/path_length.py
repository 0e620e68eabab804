"""Penalties of the generator as a function of its noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import ConditionedGenerator, Draws, GeneratorPenalty, PenaltyOutput
from ganzoo_losses.configs import PathLengthConfig


@final
class NoGeneratorPenalty(GeneratorPenalty):
    """The null penalty."""

    def forward(self, generator: ConditionedGenerator, z: Tensor, draws: Draws) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}


@final
class PathLength(GeneratorPenalty):
    """λ (‖Jᵀy‖ − a)², with the Jacobian J of the generator, random images y, and the moving average a of the norm."""

    of_gradients = True
    path_length: Tensor

    def __init__(self, config: PathLengthConfig):
        super().__init__(config)
        self._weight, self._decay, self.every = config.weight, config.decay, config.every
        self.register_buffer("path_length", torch.zeros(()))

    def forward(self, generator: ConditionedGenerator, z: Tensor, draws: Draws) -> PenaltyOutput:
        """Return the term ``path-length`` (B,), and the length itself."""
        pixels = math.prod(generator.shape[1:])
        direction = draws.normal(len(z), *generator.shape) / math.sqrt(pixels)
        length = generator.gradient(z, direction).norm(dim=1)
        term = self._weight * (length - self.path_length).square()
        return PenaltyOutput({"path-length": term}, {"length of paths": length})

    def after_update(self, means: Mapping[str, Tensor]) -> None:
        """Move the average."""
        self.path_length.lerp_(means["length of paths"], 1.0 - self._decay)
