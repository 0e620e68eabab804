"""The pulling-away term of EBGAN, which keeps the features of fakes different from each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import WHOLE_BATCH, Field, Head, HeadInput, Latent
from ganzoo_losses.configs import PullingAwayConfig


@final
class PullingAway(Head):
    """G: weight times the mean of the squared cosines between the features of a fake and those of the other fakes."""

    pack = WHOLE_BATCH

    def __init__(self, config: PullingAwayConfig, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        self._weight = config.weight

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the term ``pulling-away`` (B,), 0 in a batch of one."""
        codes = fake.features.flatten(1)
        # A product of matrices would be in low precision under autocast.
        others = F.cosine_similarity(codes[:, None], codes[None], dim=2).square().fill_diagonal_(0.0)
        return {"pulling-away": self._weight * others.sum(1) / max(1, len(others) - 1)}
