"""Conditioners that scale and shift each channel of a hidden layer: γ · x + β.

What is learnt is γ − 1 and β. So γ begins as exactly 1 for every condition, an empty caption too, and weight decay
draws it to 1. The network leaves out the scale and the shift of its own norm.
"""

from __future__ import annotations

import math
from typing import final

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _NormBase

from ganzoo.plugin import Conditioner, Field, Shape, embedding
from ganzoo_cgan.configs import ModulationConfig


class Modulation(Conditioner):
    """Maps x (B, C, …) to γ · x + β, with a scale and a shift of each channel."""

    sites = frozenset({"block"})

    def __init__(self, shape: Shape):
        super().__init__()
        self.out_shape = shape
        self._channels, self._places = shape[0], shape[1:]

    def norm_before(self, norm: nn.Module) -> nn.Module:
        """Return the norm without its own scale and shift."""
        if isinstance(norm, _NormBase):
            norm.affine = False
            norm.register_parameter("weight", None)
            norm.register_parameter("bias", None)
        return norm

    def normalise(self, x: Tensor) -> Tensor:
        """Return what is scaled and shifted."""
        return x

    def modulate(self, x: Tensor, code: Tensor) -> Tensor:
        """Return x (B, C, …), scaled by 1 plus the first half of a code (B, 2·C) and shifted by the second half."""
        scale, shift = code.view(-1, 2, self._channels, *[1] * len(self._places)).unbind(1)
        return self.normalise(x) * (1.0 + scale) + shift


class ByCondition(Modulation):
    """The scale and the shift follow the condition."""

    def __init__(self, config: ModulationConfig, shape: Shape, condition: Field):
        super().__init__(shape)
        self.embedding = embedding(condition, 2 * shape[0], config.deviation)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, C, …) to itself."""
        return self.modulate(x, self.embedding(condition))


class ByConditionAndNoise(Modulation):
    """The scale and the shift follow the noise, and the condition where there is one.

    A linear map of the noise and a class beside each other is the sum of a linear map of the noise and an embedding.
    """

    uses_noise = True

    def __init__(self, config: ModulationConfig, shape: Shape, condition: Field | None, noise: Shape):
        super().__init__(shape)
        width = math.prod(noise)
        self.of_noise = nn.Linear(width, 2 * shape[0], bias=False)
        nn.init.normal_(self.of_noise.weight, 0.0, config.deviation / math.sqrt(width))
        self.embedding = NoEmbedding() if condition is None else embedding(condition, 2 * shape[0], config.deviation)

    def forward(self, x: Tensor, condition: Tensor | None, z: Tensor | None = None) -> Tensor:
        """Map (B, C, …) to itself; z is (B, Z)."""
        assert z is not None
        return self.modulate(x, self.of_noise(z) + self.embedding(condition))


@final
class NoEmbedding(nn.Module):
    """The null embedding, for data without conditions."""

    def forward(self, condition: Tensor | None) -> float:
        """Return 0."""
        return 0.0


class InstanceNormed(Modulation):
    """Normalises each channel of each example; a map of a single place has nothing to normalise and stays as it is."""

    def norm_before(self, norm: nn.Module) -> nn.Module:
        """Return no norm, as instance norm would undo it."""
        return nn.Identity() if self._normalises else super().norm_before(norm)

    def normalise(self, x: Tensor) -> Tensor:
        """Return x (B, C, H, W) with mean 0 and variance 1 in every channel of every example."""
        return F.instance_norm(x) if self._normalises else x

    @property
    def _normalises(self) -> bool:
        return math.prod(self._places) > 1


@final
class Film(ByCondition):
    """Scales and shifts each channel at every block, normalised or not (Perez et al. 2018, arXiv 1709.07871)."""


@final
class ConditionalBatchNorm(ByCondition):
    """Scales and shifts each channel after batch norm alone (de Vries et al. 2017, arXiv 1707.00683)."""

    needs_norm = True


@final
class AdaIN(InstanceNormed, ByCondition):
    """Instance norm in place of the network's norm, then scale and shift (Huang & Belongie 2017, arXiv 1703.06868)."""


@final
class FilmNoise(ByConditionAndNoise):
    """Scales and shifts each channel by condition and noise (Chen et al. 2019, arXiv 1810.01365)."""


@final
class AdaINNoise(InstanceNormed, ByConditionAndNoise):
    """Instance norm, then scale and shift by condition and noise (Karras et al. 2019, arXiv 1812.04948)."""
