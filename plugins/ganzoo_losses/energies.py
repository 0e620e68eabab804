"""Losses of an energy: of the error E with which the discriminator, an auto-encoder, reconstructs an example.

Its logit is −E, as a high logit means real.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Loss, Player
from ganzoo_losses.configs import BEGANConfig, EBGANConfig


@final
class EBGAN(Loss):
    """D: E(x) + max(0, m − E(G(z))); G: E(G(z)). The margin m counts for each example, not for their mean."""

    def __init__(self, config: EBGANConfig):
        super().__init__(config)
        self._margin = config.margin
        self.threshold = -config.margin / 2

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return F.relu(self._margin + fake) - real

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        return torch.neg(fake)


@final
class BEGAN(Loss):
    """D: E(x) − k·E(G(z)); G: E(G(z)). After D's update k becomes k + λ (γ·E(x) − E(G(z))), within [0, 1].

    The buffer ``M`` is the measure of convergence, E(x) + |γ·E(x) − E(G(z))|. Both are of means over the whole batch.
    """

    k: Tensor
    M: Tensor

    def __init__(self, config: BEGANConfig):
        super().__init__(config)
        self._ratio, self._rate = config.ratio, config.rate
        self.register_buffer("k", torch.zeros(()))
        self.register_buffer("M", torch.zeros(()))

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return self.k * fake - real

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        return torch.neg(fake)

    def statistics(self, real: Tensor, fake: Tensor) -> Mapping[str, Tensor]:
        """Return both errors (B, X)."""
        return {"E(x)": -real, "E(G(z))": -fake}

    def after_update(self, player: Player, means: Mapping[str, Tensor]) -> None:
        """Move k and M."""
        if player == "discriminator":
            lead = self._ratio * means["E(x)"] - means["E(G(z))"]
            self.k.add_(lead, alpha=self._rate).clamp_(0.0, 1.0)
            self.M.copy_(means["E(x)"] + lead.abs())
