"""The conditioner of GAN-CLS: a text repeated over the last feature map of the discriminator."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import Conditioner, Field, Shape, embedding
from ganzoo_words.conditioner_options import ReplicatedConfig


@final
class Replicated(Conditioner):
    """Compresses the condition, repeats it at every place of a feature map, and joins both by a 1×1 convolution.

    Source: Reed et al. 2016, arXiv 1605.05396, section 4.1.
    """

    sites = frozenset({"head"})

    def __init__(self, config: ReplicatedConfig, shape: Shape, condition: Field):
        super().__init__()
        self.out_shape, self._places = shape, len(shape) - 1
        activation = nn.LeakyReLU(config.slope)
        self.compressed = nn.Sequential(embedding(condition, config.size), activation)
        channels = shape[0]
        norm = nn.BatchNorm2d(channels) if config.norm and self._places == 2 else nn.Identity()
        joined = nn.Conv2d(channels + config.size, channels, 1) if self._places else nn.Linear(
            channels + config.size, channels
        )  # fmt: skip
        self.joined = nn.Sequential(joined, norm, activation)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, C, H, W) or (B, F) to itself."""
        code: Tensor = self.compressed(condition)
        planes = code.view(*code.shape, *[1] * self._places).expand(*code.shape, *x.shape[2:])
        joined: Tensor = self.joined(torch.cat([x, planes], dim=1))
        return joined
