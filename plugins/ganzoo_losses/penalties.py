"""Penalties on the discriminator's gradient with respect to its input, in float32."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import ConditionedDiscriminator, Draws, Penalty
from ganzoo_losses.configs import OneCentredConfig, ZeroCentredConfig


@final
class NoPenalty(Penalty):
    """The null penalty."""

    uses_fakes = False

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}


class ZeroCentred(Penalty):
    """γ/2 · ‖∇D‖² at points that a subclass chooses."""

    name: ClassVar[str]

    def __init__(self, config: ZeroCentredConfig):
        super().__init__(config)
        self._weight = config.gamma / 2.0

    @abstractmethod
    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the points (B, …) at which the gradient is taken."""

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return one term (B,), called ``name``."""
        gradient = discriminator.gradient(self.points(real, fake))
        return {self.name: self._weight * gradient.square().sum(1)}


@final
class R1(ZeroCentred):
    """γ/2 · ‖∇D(x)‖² at real examples."""

    name = "r1"
    uses_fakes = False

    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the real examples."""
        return real


@final
class R2(ZeroCentred):
    """γ/2 · ‖∇D(G(z))‖² at fake examples."""

    name = "r2"

    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the fake examples."""
        return fake


@final
class OneCentred(Penalty):
    """λ (‖∇D(x̂)‖ − 1)² at random points x̂ between real and fake examples."""

    def __init__(self, config: OneCentredConfig):
        super().__init__(config)
        self._weight = config.weight

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the term ``gradient-penalty`` (B,)."""
        share = draws.uniform(len(real), *[1] * (real.dim() - 1)).to(real.dtype)
        # norm() has a gradient at 0; the square root of a sum of squares does not.
        norm = discriminator.gradient(torch.lerp(fake, real, share)).norm(dim=1)
        return {"gradient-penalty": self._weight * (norm - 1.0).square()}
