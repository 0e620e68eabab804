"""The projection discriminator's conditioner."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor

from ganzoo.plugin import Conditioner, Field, Shape, embedding, with_spectral_weights
from ganzoo_cgan.configs import ProjectionConfig


@final
class Projection(Conditioner):
    """Adds the inner product of the features and an embedding of the condition to the logit.

    A logit for each place (1, H, W) gets the product at its place. Source: Miyato & Koyama 2018, arXiv 1802.05637,
    equation 4, in which V is :attr:`embedding`.
    """

    sites = frozenset({"logit"})
    uses_features = True

    def __init__(self, config: ProjectionConfig, shape: Shape, condition: Field, features: Shape):
        super().__init__()
        if shape != (1, *features[1:]):
            raise ValueError(f"a logit of shape {shape} has no inner product with features of shape {features}")
        self.out_shape = shape
        width, self._places = features[0], len(features) - 1
        learnt = embedding(condition, width, config.deviation / math.sqrt(width))
        self.embedding = with_spectral_weights(learnt) if config.weights == "spectral" else learnt

    def forward(self, x: Tensor, condition: Tensor | None, features: Tensor | None = None) -> Tensor:
        """Map logits (B, 1, …) to logits, with features (B, F, …)."""
        assert features is not None
        code: Tensor = self.embedding(condition)
        return x + (code.view(*code.shape, *[1] * self._places) * features).sum(1, keepdim=True)
