"""The networks of R3GAN (Huang et al. 2024, arXiv 2501.05441, appendix D): residual blocks without any norm.

Images may have any size: maps are halved with sides rounded up, and doubled and cut.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import (
    Discriminator,
    DiscriminatorOutput,
    Field,
    Generator,
    Shape,
    Sites,
    map_sides,
    output_activation,
)
from ganzoo_stylegan.configs import R3GANConfig, R3GANDiscriminatorConfig, R3GANGeneratorConfig
from ganzoo_stylegan.resampling import doubled, halved

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)

SLOPE = 0.2
GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))  # keeps the variance through a leaky ReLU


@final
class BiasedActivation(nn.Module):
    """Adds a bias to each channel, then a leaky ReLU."""

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to itself."""
        return F.leaky_relu(x + self.bias.view(-1, 1, 1), SLOPE)


@final
class Block(nn.Module):
    """x + conv₁(a(conv₃(a(conv₁ x)))), the inner channels in groups; the last weights are 0: it begins as the identity.

    The others begin with the gain √(2/(1 + 0.2²)) · L^(-1/4), where L is the number of blocks of the network.
    """

    def __init__(self, config: R3GANConfig, channels: int):
        super().__init__()
        inner, length = channels * config.expansion, config.blocks * len(config.widths)
        gain = GAIN * length ** (-1.0 / 4.0)
        group = next(size for size in range(min(config.group, inner), 0, -1) if inner % size == 0)
        self.widen = scaled(nn.Conv2d(channels, inner, 1, bias=False), gain)
        self.activation1 = BiasedActivation(inner)
        self.mix = scaled(nn.Conv2d(inner, inner, 3, padding=1, groups=inner // group, bias=False), gain)
        self.activation2 = BiasedActivation(inner)
        self.narrow = scaled(nn.Conv2d(inner, channels, 1, bias=False), 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to itself."""
        h = self.activation2(self.mix(self.activation1(self.widen(x))))
        added: Tensor = x + self.narrow(h)
        return added


def scaled(layer: Layer, gain: float = 1.0) -> Layer:
    """Return a layer whose weights are N(0, gain²/fan-in); the inputs of a group count for its outputs alone."""
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(layer.weight[0].numel()))
    return layer


def width_change(before: int, after: int) -> nn.Module:
    """Return a convolution of size 1 if the number of channels changes."""
    return nn.Identity() if before == after else scaled(nn.Conv2d(before, after, 1, bias=False))


def stage_blocks(config: R3GANConfig, channels: int) -> nn.Sequential:
    """Return the residual blocks of a stage."""
    return nn.Sequential(*(Block(config, channels) for _ in range(config.blocks)))


@final
class R3GANGenerator(Generator):
    """Noise (B, Z) → a learnt map for each channel, times a linear layer → stages of blocks, doubled → image."""

    def __init__(self, config: R3GANGeneratorConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        noise, widths = (math.prod(in_shape),), config.widths
        self._sides = map_sides(out.shape[1:], len(widths) - 1)[::-1]
        self.input = sites.at("input", noise, noise)
        self.basis = nn.Parameter(torch.randn(widths[0], *self._sides[0]))
        self.dense = scaled(nn.Linear(math.prod(self.input.out_shape), widths[0], bias=False))
        self.changes, self.stages = nn.ModuleList(), nn.ModuleList()
        for before, after in zip((widths[0], *widths), widths, strict=False):
            self.changes.append(width_change(before, after))
            self.stages.append(stage_blocks(config, after))
        self.output = scaled(nn.Conv2d(widths[-1], out.shape[0], 1, bias=False))
        self.activation = output_activation(config.output)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = z.flatten(1)
        h = self.dense(self.input(z, condition, z))[:, :, None, None] * self.basis
        for number, (change, stage) in enumerate(zip(self.changes, self.stages, strict=True)):
            h = stage(doubled(change(h), self._sides[number]) if number else h)
        images: Tensor = self.activation(self.output(h))
        return images


@final
class R3GANDiscriminator(Discriminator):
    """Images (B, C, H, W) → stages of blocks, halved between → a learnt map for each channel → linear, the features.

    The logit is their sum, divided by the root of their number.
    """

    def __init__(self, config: R3GANDiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        widths: Sequence[int] = config.widths[::-1]
        self.input = sites.at("input", in_shape)
        self.start = scaled(nn.Conv2d(self.input.out_shape[0], widths[0], 1, bias=False))
        self.changes, self.stages = nn.ModuleList(), nn.ModuleList()
        for channels, after in zip(widths, (*widths[1:], widths[-1]), strict=True):
            self.stages.append(stage_blocks(config, channels))
            self.changes.append(width_change(channels, after))
        smallest = map_sides(in_shape[1:], len(widths) - 1)[-1]
        self.basis = scaled(nn.Conv2d(widths[-1], widths[-1], smallest, groups=widths[-1], bias=False))
        self.head = sites.at("head", (widths[-1],))
        self.dense = scaled(nn.Linear(math.prod(self.head.out_shape), config.features, bias=False))
        self.feature_width = config.features
        self.logit = sites.at("logit", (1,), features=(config.features,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the features (B, F)."""
        h = self.start(self.input(x, condition))
        for number, (change, stage) in enumerate(zip(self.changes, self.stages, strict=True)):
            h = stage(h)
            if number + 1 < len(self.stages):
                h = change(halved(h))
        features = self.dense(self.head(self.basis(h).flatten(1), condition))
        logit = features.sum(1, keepdim=True) / math.sqrt(self.feature_width)
        return DiscriminatorOutput(self.logit(logit, condition, features=features), features)
