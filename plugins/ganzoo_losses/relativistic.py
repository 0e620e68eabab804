"""Relativistic losses: how real an example is, compared with examples of the other kind.

The loss of the generator is that of the discriminator with real and fake exchanged. It has a gradient through the
logits of real examples too, so they are computed again in the generator's update.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import final

from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import WHOLE_BATCH, Loss
from ganzoo_losses.configs import RelativisticAverageConfig

FORMS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "standard": lambda lead: F.softplus(-lead),
    "least-squares": lambda lead: (lead - 1.0).square(),
    "hinge": lambda lead: F.relu(1.0 - lead),
}
"""The loss of a lead: of how far a logit that should be higher lies above those that should be lower."""


@final
class RelativisticAverage(Loss):
    """D: h(D(x) − E D(G(z))) + h(E D(x) − D(G(z))) with h of a lead in :data:`FORMS`; G: real and fake exchanged."""

    pack = WHOLE_BATCH

    def __init__(self, config: RelativisticAverageConfig):
        super().__init__(config)
        self._of_lead = FORMS[config.form]

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X); the means are over the batch."""
        return self._of_lead(real - fake.mean(0)) + self._of_lead(real.mean(0) - fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X)."""
        return self.discriminator(fake, real())


@final
class RelativisticPairing(Loss):
    """D: −log σ(D(x) − D(G(z))), one fake for each real example; G: real and fake exchanged."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the discriminator's loss (B, X)."""
        return F.softplus(fake - real)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the generator's loss (B, X), the non-saturating form."""
        return F.softplus(real() - fake)
