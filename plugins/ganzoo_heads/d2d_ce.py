"""The data-to-data cross-entropy of ReACGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import WHOLE_BATCH, Field, Head, HeadInput, Latent
from ganzoo_heads.configs import DataToDataConfig


@final
class DataToData(Head):
    """Draws examples to the proxy of their class, and apart from examples of other classes in the batch.

    Features are mapped to vectors on the unit sphere. With s⁺ the cosine to the proxy of the example's class, s⁻ that
    to an example of another class, and [·]₊ = max(·, 0), the error is

        −log( exp(−[m − s⁺]₊/T) / (exp(−[m − s⁺]₊/T) + Σ exp([s⁻ + m − 1]₊/T)) ).

    Source: Kang et al. 2021, arXiv 2111.01118, equation 8, with the second margin 1 − m as in the authors' code.
    """

    pack = WHOLE_BATCH

    def __init__(self, config: DataToDataConfig, features: int, condition: Field | None, latent: Latent):
        super().__init__(config, features, condition, latent)
        assert condition is not None  # its declaration requires one
        self._config = config
        self.layer = nn.Linear(features, config.size)
        self.proxies = nn.Embedding(condition.classes, config.size)

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the errors (B,) for real examples; the published discriminator does not sort fakes into classes."""
        return {"d2d-ce": self._config.weight * self._error(real)}

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the errors (B,) for fake examples."""
        return {"d2d-ce": self._config.weight * self._error(fake)}

    def _error(self, examples: HeadInput) -> Tensor:
        classes = examples.condition
        assert classes is not None
        margin, temperature = self._config.margin, self._config.temperature
        vectors = F.normalize(self.layer(examples.features))
        to_proxy = (vectors * F.normalize(self.proxies(classes))).sum(1)
        attraction = F.relu(margin - to_proxy) / temperature
        repulsion = F.relu(vectors @ vectors.T + margin - 1) / temperature
        # An example itself has its own class, and so is no negative either.
        repulsion = repulsion.masked_fill(classes[:, None] == classes[None, :], -torch.inf)
        # logsumexp subtracts the largest number of a row from all of it, the positive too, and adds it again.
        return attraction + torch.logsumexp(torch.cat([-attraction[:, None], repulsion], dim=1), dim=1)
