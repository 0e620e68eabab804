"""A discriminator that scores several examples together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import Config, Discriminator, DiscriminatorOutput, Shape, Sites, option


@dataclass(frozen=True)
class PackingConfig(Config):
    """Options of the packing discriminator."""

    pack: int = option(2, "examples that are scored together", low=1)
    width: int = option(64, "units of the hidden layer", low=1)


@final
class PackingDiscriminator(Discriminator):
    """Joins the examples of a pack, and gives them one logit (PacGAN, arXiv 1712.04086)."""

    def __init__(self, config: PackingConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.pack = config.pack
        self.input = sites.at("input", (math.prod(in_shape),))
        self.joined = math.prod(self.input.out_shape) * config.pack
        self.layer = nn.Sequential(nn.Linear(self.joined, config.width), nn.LeakyReLU(0.2))
        self.feature_width = config.width
        self.output = nn.Linear(config.width, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, \\*in_shape), where B is a multiple of the pack, to logits (B, 1) and features (B, F) of packs."""
        packs = self.input(x.flatten(1), condition).reshape(-1, self.joined)
        features = self.layer(packs)[:, None].expand(-1, self.pack, -1).flatten(0, 1)
        return DiscriminatorOutput(self.output(features), features)
