"""An augmentation that follows the discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Augmentation, Config, Draws


@final
class Adaptive(Augmentation):
    """Noise with a probability p that follows the share of recognised real examples (ADA, arXiv 2006.06676)."""

    p: Tensor

    def __init__(self, config: Config):
        super().__init__(config)
        self.register_buffer("p", torch.full((), 0.2))

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Add noise to a share p of the examples."""
        chosen = draws.uniform(len(x), *[1] * (x.dim() - 1)) < self.p
        return x + chosen * 0.5 * draws.normal(*x.shape)

    def statistics(self, real: Tensor) -> Mapping[str, Tensor]:
        """Return the sign of the logits."""
        return {"recognised": real.sign()}

    def after_update(self, means: Mapping[str, Tensor]) -> None:
        """Move p."""
        self.p.add_(0.05 * (means["recognised"] - 0.6).sign()).clamp_(0.0, 0.8)
