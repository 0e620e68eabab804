"""Penalties on the discriminator's gradient with respect to its input, in float32."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import ConditionedDiscriminator, Config, Draws, Penalty
from ganzoo_losses.configs import OneCentredConfig, ZeroCentredConfig


def input_gradient(discriminator: ConditionedDiscriminator, x: Tensor) -> Tensor:
    """Return d(sum of critic(x)) / dx as rows (B, F), itself differentiable, in float32 or better."""
    point = at_least_float32(x.detach())
    # Compiled code has no second derivatives of autograd.grad. It has those of func.grad, which cannot differentiate
    # layers that keep statistics.
    if not torch.compiler.is_compiling():
        return _gradient(discriminator, point).flatten(1)
    uncompiled = torch.compiler.disable(_gradient)
    return (uncompiled if discriminator.keeps_statistics else _functional_gradient)(discriminator, point).flatten(1)


def _gradient(discriminator: ConditionedDiscriminator, point: Tensor) -> Tensor:
    point.requires_grad_(True)
    with without_autocast(point.device):
        (gradient,) = torch.autograd.grad(discriminator(point).sum(), point, create_graph=True)
    return gradient


def _functional_gradient(discriminator: ConditionedDiscriminator, point: Tensor) -> Tensor:
    with without_autocast(point.device):
        gradient: Tensor = torch.func.grad(lambda x: discriminator(x).sum())(point)
    return gradient


def at_least_float32(x: Tensor) -> Tensor:
    """Return x in its own precision, or in float32 where that is lower."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context without autocast: squared gradients need the full precision."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


@final
class NoPenalty(Penalty):
    """The null penalty."""

    uses_fakes = False

    def __init__(self, config: Config):
        pass

    def __call__(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}


class ZeroCentred(Penalty):
    """γ/2 · ‖∇D‖² at points that a subclass chooses."""

    name: ClassVar[str]

    def __init__(self, config: ZeroCentredConfig):
        self._weight = config.gamma / 2.0

    @abstractmethod
    def points(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the points (B, …) at which the gradient is taken."""

    def __call__(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return one term (B,), called ``name``."""
        gradient = input_gradient(discriminator, self.points(real, fake))
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
        self._weight = config.weight

    def __call__(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the term ``gradient-penalty`` (B,)."""
        real, fake = at_least_float32(real), at_least_float32(fake)
        share = draws.uniform(len(real), *[1] * (real.dim() - 1)).to(real.dtype)
        # norm() has a gradient at 0; the square root of a sum of squares does not.
        norm = input_gradient(discriminator, torch.lerp(fake, real, share)).norm(dim=1)
        return {"gradient-penalty": self._weight * (norm - 1.0).square()}
