"""Penalties on the discriminator's gradient with respect to its input, in float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.catalogue import Config
from ganzoo.interfaces import Penalty
from ganzoo_losses.configs import OneCentredConfig, ZeroCentredConfig

Critic = Callable[[Tensor], Tensor]


def input_gradient(critic: Critic, x: Tensor) -> Tensor:
    """Return d(sum of critic(x)) / dx as rows (B, F), itself differentiable."""
    point = x.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    return gradient.float().flatten(1)


@final
class NoPenalty(Penalty):
    """The null penalty."""

    def __init__(self, config: Config):
        pass

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator | None) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}


@final
class R1(Penalty):
    """γ/2 · ‖∇D(x)‖² at real examples."""

    def __init__(self, config: ZeroCentredConfig):
        self._weight = config.gamma / 2.0

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator | None) -> Mapping[str, Tensor]:
        """Return the term ``r1`` (B,)."""
        return {"r1": self._weight * input_gradient(critic, real).square().sum(1)}


@final
class R2(Penalty):
    """γ/2 · ‖∇D(G(z))‖² at fake examples."""

    def __init__(self, config: ZeroCentredConfig):
        self._weight = config.gamma / 2.0

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator | None) -> Mapping[str, Tensor]:
        """Return the term ``r2`` (B,)."""
        return {"r2": self._weight * input_gradient(critic, fake).square().sum(1)}


@final
class OneCentred(Penalty):
    """λ (‖∇D(x̂)‖ − 1)² at random points x̂ between real and fake examples."""

    def __init__(self, config: OneCentredConfig):
        self._weight = config.weight

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, rng: torch.Generator | None) -> Mapping[str, Tensor]:
        """Return the term ``gradient-penalty`` (B,)."""
        share = torch.rand((len(real), *[1] * (real.dim() - 1)), generator=rng, device=real.device)
        # norm() has a gradient at 0, where the square root of a sum of squares has none.
        norm = input_gradient(critic, torch.lerp(fake, real, share)).norm(dim=1)
        return {"gradient-penalty": self._weight * (norm - 1.0).square()}
