"""Penalties on the scores of a discriminator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import ConditionedDiscriminator, Draws, Penalty, PenaltyOutput
from ganzoo_losses.configs import DriftConfig, LeCamConfig


@final
class Drift(Penalty):
    """ε · D(x)² at real examples."""

    uses_fakes = False

    def __init__(self, config: DriftConfig):
        super().__init__(config)
        self._weight = config.weight

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> Mapping[str, Tensor]:
        """Return the term ``drift`` (B,)."""
        return {"drift": self._weight * discriminator(real).flatten(1).square().mean(1)}


@final
class LeCam(Penalty):
    """λ ((D(x) − α_F)² + (α_R − D(G(z)))²), with moving averages α of the scores of fakes and of real examples.

    The averages are sums of which the weights add up to ``seen``, so that they are right from the first update on.
    """

    scores_of_real: Tensor
    scores_of_fake: Tensor
    seen: Tensor

    def __init__(self, config: LeCamConfig):
        super().__init__(config)
        self._weight, self._decay, self._one_sided = config.weight, config.decay, config.sides == "one"
        for name in ("scores_of_real", "scores_of_fake", "seen"):
            self.register_buffer(name, torch.zeros(()))

    def forward(
        self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws
    ) -> PenaltyOutput:
        """Return the term ``lecam`` (B,), and both scores; the term is 0 until there is an average."""
        of_real, of_fake = discriminator(real).flatten(1), discriminator(fake).flatten(1)
        share = self.seen.clamp_min(torch.finfo(self.seen.dtype).tiny)
        distances = of_real - self.scores_of_fake / share, self.scores_of_real / share - of_fake
        squares = [(F.relu(one) if self._one_sided else one).square().mean(1) for one in distances]
        term = self._weight * (self.seen > 0) * (squares[0] + squares[1])
        return PenaltyOutput({"lecam": term}, {"score of real": of_real, "score of fake": of_fake})

    def after_update(self, means: Mapping[str, Tensor]) -> None:
        """Move the averages."""
        self.scores_of_real.lerp_(means["score of real"], 1.0 - self._decay)
        self.scores_of_fake.lerp_(means["score of fake"], 1.0 - self._decay)
        self.seen.lerp_(torch.ones_like(self.seen), 1.0 - self._decay)
