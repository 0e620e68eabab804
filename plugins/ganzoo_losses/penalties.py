"""Penalties on the discriminator's gradient with respect to its input, in float32."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import ConditionedDiscriminator, Draws, Penalty, Progress
from ganzoo_losses.configs import DRAGANConfig, OneCentredConfig, ZeroCentredConfig


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
    """γ/2 · ‖∇D‖² at points that a subclass chooses; γ may have a burn-in, as that of R3GAN."""

    name: ClassVar[str]
    of_gradients = True
    gamma: float | Tensor

    def __init__(self, config: ZeroCentredConfig):
        super().__init__(config)
        self._config, self.every = config, config.every
        if config.burn_in:
            self.register_buffer("gamma", torch.full((), config.gamma))
        else:
            self.gamma = config.gamma

    def before_step(self, progress: Progress) -> None:
        """Set γ for this step, if it has a burn-in."""
        if isinstance(self.gamma, Tensor):
            done = min(1.0, progress.step / progress.steps / self._config.burn_in)
            first, last = self._config.gamma, self._config.final_gamma
            self.gamma.fill_(last + (first - last) * (1.0 + math.cos(math.pi * done)) / 2.0)

    @abstractmethod
    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the points (B, …) at which the gradient is taken."""

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return one term (B,), called ``name``."""
        gradient = discriminator.gradient(self.points(real, fake))
        return {self.name: self.gamma / 2.0 * gradient.square().sum(1)}


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


class OneCentred(Penalty):
    """λ (‖∇D‖ − 1)² at random points that a subclass chooses, or λ max(0, ‖∇D‖ − 1)²."""

    name: ClassVar[str]
    of_gradients = True

    def __init__(self, config: OneCentredConfig):
        super().__init__(config)
        self._weight, self._one_sided, self.every = config.weight, config.sides == "one", config.every

    @abstractmethod
    def points(self, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
        """Return the points (B, …) at which the gradient is taken."""

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return one term (B,), called ``name``."""
        # norm() has a gradient at 0; the square root of a sum of squares does not.
        excess = discriminator.gradient(self.points(real, fake, draws)).norm(dim=1) - 1.0
        return {self.name: self._weight * (F.relu(excess) if self._one_sided else excess).square()}


@final
class WGANGP(OneCentred):
    """λ (‖∇D(x̂)‖ − 1)² at random points x̂ between real and fake examples."""

    name = "gradient-penalty"

    def points(self, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
        """Return a point on the line from each fake example to a real one."""
        return torch.lerp(fake, real, draws.uniform(len(real), *[1] * (real.dim() - 1)).to(real.dtype))


@final
class DRAGAN(OneCentred):
    """λ (‖∇D(x + δ)‖ − 1)² at real examples x with normal noise δ."""

    name = "dragan"
    uses_fakes = False

    def __init__(self, config: DRAGANConfig):
        super().__init__(config)
        self._noise = config.noise

    def points(self, real: Tensor, fake: Tensor, draws: Draws) -> Tensor:
        """Return the real examples with noise."""
        return real + self._noise * draws.normal(*real.shape).to(real.dtype)
