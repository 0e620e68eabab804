"""Fully connected networks, for points and for flattened images."""

from __future__ import annotations

import math
from typing import Literal, final

from torch import Tensor, nn

from ganzoo.plugin import (
    Discriminator,
    DiscriminatorOutput,
    Dropout,
    Field,
    Generator,
    Layers,
    Shape,
    Sites,
    join_packs,
    output_activation,
    repeat_packs,
)
from ganzoo_gan.configs import MLPDiscriminatorConfig, MLPGeneratorConfig


def hidden_activation(name: Literal["leaky-relu", "elu", "tanh"], slope: float) -> nn.Module:
    """Return the activation of a hidden layer; ``slope`` is that of the leaky ReLU."""
    return {"leaky-relu": nn.LeakyReLU(slope), "elu": nn.ELU(), "tanh": nn.Tanh()}[name]


@final
class MLPGenerator(Generator):
    """Noise (B, Z) through leaky-ReLU layers to examples of any shape."""

    def __init__(self, config: MLPGeneratorConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        self._shape = out.shape
        noise = (math.prod(in_shape),)
        self.input, layers = sites.at("input", noise, noise), Layers(config.weights)
        width = math.prod(self.input.out_shape)
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for depth, units in enumerate(config.widths):
            normed = config.norm and (depth > 0 or config.norm_first)
            norm = nn.BatchNorm1d(units, eps=config.norm_eps) if normed else nn.Identity()
            block = sites.at("block", (units,), noise, normalised=normed)
            self.layers.append(nn.Sequential(layers.linear(width, units), block.norm_before(norm)))
            self.blocks.append(block)
            width = math.prod(block.out_shape)
        self.activation = hidden_activation(config.activation, config.slope)
        bound = output_activation(config.output) if out.bounded else nn.Identity()
        self.output = nn.Sequential(layers.linear(width, out.size, gain=1.0), bound)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, \\*shape)."""
        z = z.flatten(1)
        h = self.input(z, condition, z)
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition, z))
        examples: Tensor = self.output(h)
        return examples.view(-1, *self._shape)


@final
class MLPDiscriminator(Discriminator):
    """Flattened examples of any shape through leaky-ReLU layers to one logit."""

    def __init__(self, config: MLPDiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.input, layers = sites.at("input", (math.prod(in_shape),)), Layers(config.weights)
        self.pack = config.pack
        width = math.prod(self.input.out_shape) * config.pack
        self.layers, self.blocks, self.activations = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for depth, units in enumerate(config.widths):
            dropout = Dropout(config.dropout if depth > 0 else 0.0)
            block = sites.at("block", (units,))
            self.layers.append(layers.linear(width, units))
            self.blocks.append(block)
            self.activations.append(nn.Sequential(hidden_activation(config.activation, config.slope), dropout))
            width = math.prod(block.out_shape)
        self.feature_width = width
        self.head = sites.at("head", (width,))
        self.output = layers.linear(math.prod(self.head.out_shape), 1, gain=1.0)
        self.logit = sites.at("logit", (1,), features=(width,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, \\*in_shape) to one logit (B, 1) and the last hidden layer (B, F)."""
        h = join_packs(self.input(x.flatten(1), condition), self.pack)
        if condition is not None:
            condition = condition[:: self.pack]
        for layer, block, activation in zip(self.layers, self.blocks, self.activations, strict=True):
            h = activation(block(layer(h), condition))
        logit = self.logit(self.output(self.head(h, condition)), condition, features=h)
        return DiscriminatorOutput(repeat_packs(logit, self.pack), repeat_packs(h, self.pack))
