"""Loss functions of logits, in forms that are finite for any logit."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Loss
from ganzoo_losses.configs import CrossEntropyConfig, WassersteinConfig


def cross_entropy(logit: Tensor, target: float) -> Tensor:
    """Return −t·log σ(l) − (1 − t)·log(1 − σ(l)) for logits (B, X) and a target t in [0, 1]."""
    if target == 1.0:
        return F.softplus(-logit)  # the other form would round the smallest losses to 0
    return torch.sub(F.softplus(logit), logit, alpha=target) if target else F.softplus(logit)


@final
class CrossEntropy(Loss):
    """D: H(t_real, D(x)) + H(t_fake, D(G(z))); G: −log D(G(z)), the non-saturating form."""

    def __init__(self, config: CrossEntropyConfig):
        super().__init__(config)
        self._real, self._fake = config.real_target, config.fake_target

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return cross_entropy(real, self._real) + cross_entropy(fake, self._fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X); label smoothing applies to the discriminator only."""
        return F.softplus(-fake)

    def score(self, logit: Tensor) -> Tensor:
        """Return the probability of being real."""
        return logit.sigmoid()


@final
class Saturating(Loss):
    """D: −log D(x) − log(1 − D(G(z))); G: log(1 − D(G(z)))."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return F.softplus(-real) + F.softplus(fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        return -F.softplus(fake)

    def score(self, logit: Tensor) -> Tensor:
        """Return the probability of being real."""
        return logit.sigmoid()


@final
class LeastSquares(Loss):
    """D: (D(x) − 1)² + D(G(z))²; G: (D(G(z)) − 1)²."""

    threshold = 0.5

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return (real - 1.0).square() + fake.square()

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        return (fake - 1.0).square()


@final
class Hinge(Loss):
    """D: max(0, 1 − D(x)) + max(0, 1 + D(G(z))); G: −D(G(z))."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return F.relu(1.0 - real) + F.relu(1.0 + fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        return torch.neg(fake)


@final
class Wasserstein(Loss):
    """D: D(G(z)) − D(x) + ε·D(x)²; G: −D(G(z)). By default the drift ε is 0."""

    def __init__(self, config: WassersteinConfig):
        super().__init__(config)
        self._drift = config.drift

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return torch.add(fake - real, real.square(), alpha=self._drift) if self._drift else fake - real

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        return torch.neg(fake)
