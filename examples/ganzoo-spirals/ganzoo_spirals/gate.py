"""A conditioner: every class opens and closes the channels of a network in its own way."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Conditioner, Field, Shape, embedding
from ganzoo_spirals.configs import GateConfig


@final
class Gate(Conditioner):
    """Multiplies each channel by ceiling · σ(e(condition) − b), where b makes the gain 1 at e = 0.

    With the ceiling of 2 that is x · 2σ(e). A gain stays between 0 and the ceiling, so no condition can blow a
    network up, and a channel that a class has no use for can be shut.
    """

    sites = frozenset({"block", "head"})

    def __init__(self, config: GateConfig, shape: Shape, condition: Field):
        super().__init__()
        self.out_shape = shape
        channels, self._rest = shape[0], len(shape) - 1
        self._ceiling, self._bias = config.ceiling, math.log(config.ceiling - 1)
        self.embedding = embedding(condition, channels, config.deviation)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, C, …) to itself; ``condition`` is (B,) classes, (B, F) vectors or (B, L) words."""
        gain = self._ceiling * torch.sigmoid(self.embedding(condition) - self._bias)
        return x * gain.view(*gain.shape, *[1] * self._rest)
