"""Penalties that change weights, keep averages, or fade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import ConditionedDiscriminator, Config, Draws, Penalty, Progress, option


@dataclass(frozen=True)
class ClipConfig(Config):
    """Options of weight clipping."""

    limit: float = option(0.05, "the largest weight", low=0)


@final
class Clip(Penalty):
    """No term: weights are clipped after each update (WGAN, arXiv 1701.07875)."""

    uses_fakes = False

    def __init__(self, config: ClipConfig):
        super().__init__(config)
        self._limit = config.limit

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}

    def constrain(self, network: nn.Module) -> None:
        """Clip the weights."""
        for parameter in network.parameters():
            parameter.clamp_(-self._limit, self._limit)


@final
class Fading(Penalty):
    """R1 whose weight falls to zero over the training, as R3GAN's does (arXiv 2501.05441)."""

    uses_fakes = False
    weight: Tensor

    def __init__(self, config: Config):
        super().__init__(config)
        self.register_buffer("weight", torch.ones(()))

    def before_step(self, progress: Progress) -> None:
        """Set the weight: 1 − step / steps."""
        self.weight.fill_(1.0 - progress.step / progress.steps)

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the term ``fading`` (B,)."""
        return {"fading": self.weight * discriminator.gradient(real).square().sum(1)}
