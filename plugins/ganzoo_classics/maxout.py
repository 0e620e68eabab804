"""The networks of the first conditional GAN: layers for noise, example and condition that are joined (1411.1784)."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import (
    Discriminator,
    DiscriminatorOutput,
    Dropout,
    Field,
    Generator,
    Shape,
    Sites,
    join_packs,
    output_activation,
    repeat_packs,
)
from ganzoo_classics.configs import JointGeneratorConfig, MaxoutConfig


@final
class JointGenerator(Generator):
    """Noise and condition through a layer each, then a layer of both, to examples of any shape; ReLU between.

    The condition is what the conditioner puts beside the noise at the site ``input``; without it, its layer is left
    out.
    """

    def __init__(self, config: JointGeneratorConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        self._shape, self._size = out.shape, math.prod(in_shape)
        self.input = sites.at("input", (self._size,), (self._size,))
        beside = math.prod(self.input.out_shape) - self._size
        self.noise = nn.Linear(self._size, config.noise_width)
        self.condition = nn.Linear(beside, config.condition_width) if beside else None
        self.dropout = Dropout(config.dropout)
        self.joint = nn.Linear(config.noise_width + (config.condition_width if beside else 0), config.width)
        bound = output_activation(config.output) if out.bounded else nn.Identity()
        self.output = nn.Sequential(nn.Linear(config.width, out.size), bound)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, \\*shape)."""
        z = z.flatten(1)
        h = self.input(z, condition, z)
        hidden = self.noise(h[:, : self._size])
        if self.condition is not None:
            hidden = torch.cat([hidden, self.condition(h[:, self._size :])], dim=1)
        joint = self.joint(self.dropout(hidden.relu())).relu()
        examples: Tensor = self.output(self.dropout(joint))
        return examples.view(-1, *self._shape)


@final
class Maxout(nn.Module):
    """The largest of ``pieces`` linear functions for each unit (Goodfellow et al. 2013, arXiv 1302.4389)."""

    def __init__(self, inputs: int, units: int, pieces: int):
        super().__init__()
        self._shape = (units, pieces)
        self.linear = nn.Linear(inputs, units * pieces)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, inputs) to (B, units)."""
        units: Tensor = self.linear(x).unflatten(1, self._shape).amax(2)
        return units


@final
class MaxoutDiscriminator(Discriminator):
    """Flat examples of any shape, or packs of them, through maxout layers to one logit.

    What a conditioner puts beside an example at the site ``input`` has a maxout layer of its own, which joins the first
    one of the examples. The features are the last hidden layer.
    """

    def __init__(self, config: MaxoutConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.pack, self._size = config.pack, math.prod(in_shape)
        self.input = sites.at("input", (self._size,))
        beside = math.prod(self.input.out_shape) - self._size
        first, *others = config.widths
        self.first = Maxout(self._size * config.pack, first, config.pieces)
        self.condition = Maxout(beside * config.pack, config.condition_width, config.pieces) if beside else None
        self.dropout, self.others = Dropout(config.dropout), nn.ModuleList()
        width = first + (config.condition_width if beside else 0)
        for units in others:
            self.others.append(Maxout(width, units, config.later_pieces))
            width = units
        self.feature_width = width
        self.output = nn.Linear(width, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, \\*in_shape) to one logit (B, 1) and the last hidden layer (B, F)."""
        seen = self.input(x.flatten(1), condition)
        h = self.first(join_packs(seen[:, : self._size], self.pack))
        if self.condition is not None:
            h = torch.cat([h, self.condition(join_packs(seen[:, self._size :], self.pack))], dim=1)
        h = self.dropout(h)
        for layer in self.others:
            h = self.dropout(layer(h))
        return DiscriminatorOutput(repeat_packs(self.output(h), self.pack), repeat_packs(h, self.pack))
