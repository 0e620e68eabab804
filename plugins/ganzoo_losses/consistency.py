"""Consistency regularisation: the discriminator scores an image and a changed one alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import ConditionedDiscriminator, Draws, Penalty
from ganzoo_losses.configs import BalancedConsistencyConfig, ConsistencyConfig


class Consistent(Penalty):
    """Scores of images (B, C, H, W) and of the same images, mirrored at random and shifted by a few pixels."""

    def __init__(self, config: ConsistencyConfig):
        super().__init__(config)
        self._flip, self._shift = config.flip, config.shift

    def change(self, x: Tensor, draws: Draws) -> Tensor:
        """Return images (B, C, H, W), mirrored and shifted; the border is reflected."""
        if self._flip:
            mirrored = draws.integers(2, len(x), 1, 1, 1).bool()
            x = torch.where(mirrored, x.flip(-1), x)
        for axis in (2, 3):
            x = self._shifted(x, axis, draws)
        return x

    def _shifted(self, x: Tensor, axis: int, draws: Draws) -> Tensor:
        size = x.shape[axis]
        most = int(self._shift * size)
        if not most:
            return x
        places = torch.arange(size, device=x.device) + draws.integers(2 * most + 1, len(x), 1) - most
        last = size - 1
        reflected = last - (places.abs() - last).abs()
        return x.gather(axis, reflected.view(len(x), 1, *((-1, 1) if axis == 2 else (1, -1))).expand_as(x))

    def distance(self, discriminator: ConditionedDiscriminator, x: Tensor, draws: Draws) -> Tensor:
        """Return the squared distance (B,) of the scores of x (B, C, H, W) from those of the changed x."""
        difference = discriminator(x) - discriminator(self.change(x, draws))
        return difference.flatten(1).square().mean(1)


@final
class Consistency(Consistent):
    """λ (D(x) − D(T(x)))² at real images."""

    uses_fakes = False

    def __init__(self, config: ConsistencyConfig):
        super().__init__(config)
        self._weight = config.weight

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the term ``consistency`` (B,)."""
        return {"consistency": self._weight * self.distance(discriminator, real, draws)}


@final
class BalancedConsistency(Consistent):
    """λ_real (D(x) − D(T(x)))² + λ_fake (D(G(z)) − D(T(G(z))))²."""

    def __init__(self, config: BalancedConsistencyConfig):
        super().__init__(config)
        self._weight, self._fake_weight = config.weight, config.fake_weight

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the terms ``consistency`` and ``consistency of fakes`` (B,)."""
        return {
            "consistency": self._weight * self.distance(discriminator, real, draws),
            "consistency of fakes": self._fake_weight * self.distance(discriminator, fake, draws),
        }
