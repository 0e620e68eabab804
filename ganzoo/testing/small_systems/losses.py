"""Losses that keep a state, or compare the examples of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import WHOLE_BATCH, Config, Loss, Player


@final
class Balance(Loss):
    """An error for each example, and a share k of the fakes' that keeps both in balance (BEGAN, arXiv 1703.10717)."""

    RATE, RATIO = 0.1, 2.0

    k: Tensor

    def __init__(self, config: Config):
        super().__init__(config)
        self.register_buffer("k", torch.zeros(()))

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return L(x) − k·L(G(z)) (B, X)."""
        return F.softplus(-real) - self.k * F.softplus(-fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return L(G(z)) (B, X)."""
        return F.softplus(-fake)

    def statistics(self, real: Tensor, fake: Tensor) -> Mapping[str, Tensor]:
        """Return both errors (B, X)."""
        return {"L(x)": F.softplus(-real), "L(G(z))": F.softplus(-fake)}

    def after_update(self, player: Player, means: Mapping[str, Tensor]) -> None:
        """Move k: k + λ (γ·L(x) − L(G(z))), within [0, 1]."""
        if player == "discriminator":
            self.k.add_(self.RATE * (self.RATIO * means["L(x)"] - means["L(G(z))"])).clamp_(0.0, 1.0)


@final
class Relativistic(Loss):
    """Scores relative to the mean score of the others (RaGAN, arXiv 1807.00734), so that it needs the whole batch."""

    pack = WHOLE_BATCH

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the loss (B, X)."""
        return F.softplus(fake.mean(0) - real) + F.softplus(fake - real.mean(0))

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the loss (B, X)."""
        scores = real()
        return F.softplus(scores.mean(0) - fake) + F.softplus(scores - fake.mean(0))
