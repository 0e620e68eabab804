"""The conditioner of the discriminators of StyleGAN2-ADA and R3GAN."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import Conditioner, Field, Shape, embedding, unit_square
from ganzoo_stylegan.configs import InnerProductConfig
from ganzoo_stylegan.layers import MAKE, Activation

RATE = 0.01


@final
class InnerProduct(Conditioner):
    """The logit is the inner product of the features and what is learnt of the condition, ⟨f(y), φ(x)⟩ / √F.

    The logit without a condition is dropped, so it goes with discriminators that compute it without weights of its own.
    A logit for each place (1, H, W) is the product at its place.
    Sources: Karras et al. 2020, arXiv 2006.06676, appendix D.1, with layers; Huang et al. 2024, arXiv 2501.05441,
    without.
    """

    sites = frozenset({"logit"})
    uses_features = True

    def __init__(self, config: InnerProductConfig, shape: Shape, condition: Field, features: Shape):
        super().__init__()
        if shape != (1, *features[1:]):
            raise ValueError(f"a logit of shape {shape} has no inner product with features of shape {features}")
        self.out_shape = shape
        width, self._places = features[0], len(features) - 1
        self.embedding, self._scale = embedding(condition, width, config.deviation), 1.0 / math.sqrt(width)
        self.layers = nn.Sequential()
        for _ in range(config.layers):
            self.layers.append(MAKE.linear(width, width, gain=1.0, rate=RATE))
            self.layers.append(Activation())

    def forward(self, x: Tensor, condition: Tensor | None, features: Tensor | None = None) -> Tensor:
        """Map logits (B, 1, …), which are dropped, and features (B, F, …) to logits (B, 1, …)."""
        assert features is not None
        code: Tensor = self.embedding(condition)
        if len(self.layers):
            code = self.layers(unit_square(code))
        return (code.view(*code.shape, *[1] * self._places) * features).sum(1, keepdim=True) * self._scale
