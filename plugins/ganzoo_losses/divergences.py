"""The f-divergences of f-GAN as losses of logits, in forms that are finite for any logit.

The discriminator maximises E T(x) − E f*(T(G(z))), a lower bound of the divergence that is reached at T = f′(p/q), with
the density p of the real examples and q of the fakes. An output activation maps the logit to the domain of f*: it
rises, and maps 0 to f′(1), where p = q.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Loss
from ganzoo_losses.configs import FGANConfig

BEND = 3.0  # with 10, the gradients of reverse-kl and neyman are so steep that a ring of Gaussians loses modes


def bent(logit: Tensor) -> Tensor:
    """Return the logit up to ±3, and ±(3 + log(|logit| − 2)) beyond: its exponential grows linearly from there on.

    It rises everywhere, so an activation of it reaches what that of the logit reaches, and the bound is the same.
    """
    far = logit.abs() > BEND
    return torch.where(far, logit.sign() * (BEND + F.relu(logit.abs() - BEND).log1p()), logit)


class Divergence(NamedTuple):
    """``activation`` maps logits v (any shape) to T = g(v), ``conjugate`` maps them to f*(g(v))."""

    activation: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]


DIVERGENCES: Mapping[str, Divergence] = {
    "kl": Divergence(lambda v: bent(v) + 1, lambda v: bent(v).exp()),
    "reverse-kl": Divergence(lambda v: -(-bent(v)).exp(), lambda v: bent(v) - 1),
    "pearson": Divergence(lambda v: v, lambda v: v * (v / 4 + 1)),
    "neyman": Divergence(lambda v: -torch.expm1(-bent(v)), lambda v: -2 * torch.expm1(-bent(v) / 2)),
    "hellinger": Divergence(lambda v: -torch.expm1(-bent(v)), lambda v: torch.expm1(bent(v))),
    # With T = v, as in the paper, f* needs Lambert's function; here v is log p/q.
    "jeffreys": Divergence(lambda v: bent(v) - torch.expm1(-bent(v)), lambda v: bent(v) + torch.expm1(bent(v))),
    "jensen-shannon": Divergence(lambda v: math.log(2) - F.softplus(-v), lambda v: F.softplus(v) - math.log(2)),
    "gan": Divergence(lambda v: -F.softplus(-v), F.softplus),
}


@final
class FGAN(Loss):
    """D: f*(T(G(z))) − T(x); G: −T(G(z)), the paper's trick, or −f*(T(G(z))), its equation 2."""

    def __init__(self, config: FGANConfig):
        super().__init__(config)
        self._divergence, self._minimax = DIVERGENCES[config.divergence], config.minimax

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X); its negative mean is a lower bound of the divergence."""
        return self._divergence.conjugate(fake) - self._divergence.activation(real)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        of_fake = self._divergence.conjugate if self._minimax else self._divergence.activation
        return -of_fake(fake)
