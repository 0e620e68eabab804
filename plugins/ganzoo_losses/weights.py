"""Constraints and penalties on the weights of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import ConditionedDiscriminator, ConditionedGenerator, Draws, GeneratorPenalty, Penalty
from ganzoo_losses.configs import ClippingConfig, OrthogonalConfig


@final
class Clipping(Penalty):
    """No term: every parameter is clamped to [−c, c] after every update."""

    uses_fakes = False

    def __init__(self, config: ClippingConfig):
        super().__init__(config)
        self._limit = config.limit

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}

    def constrain(self, network: nn.Module) -> None:
        """Clamp the parameters."""
        for parameter in network.parameters():
            parameter.clamp_(-self._limit, self._limit)


def similarity(matrices: Sequence[Tensor]) -> Tensor:
    """Return the sum of ‖W Wᵀ ⊙ (1 − I)‖² over matrices (outputs, inputs): 0 if the rows of each are orthogonal."""
    products = [matrix @ matrix.T for matrix in matrices]
    return torch.stack([product.square().sum() - product.diagonal().square().sum() for product in products]).sum()


@final
class Orthogonal(Penalty):
    """β ‖W Wᵀ ⊙ (1 − I)‖² of each layer of the discriminator."""

    uses_fakes = False

    def __init__(self, config: OrthogonalConfig):
        super().__init__(config)
        self._weight, self.every = config.weight, config.every

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the term ``orthogonal`` (B,), the same for each example."""
        return {"orthogonal": (self._weight * similarity(discriminator.weights)).expand(len(real))}


@final
class GeneratorOrthogonal(GeneratorPenalty):
    """β ‖W Wᵀ ⊙ (1 − I)‖² of each layer of the generator."""

    def __init__(self, config: OrthogonalConfig):
        super().__init__(config)
        self._weight, self.every = config.weight, config.every

    def forward(self, generator: ConditionedGenerator, z: Tensor, draws: Draws) -> Mapping[str, Tensor]:
        """Return the term ``orthogonal`` (B,), the same for each example."""
        return {"orthogonal": (self._weight * similarity(generator.weights)).expand(len(z))}
