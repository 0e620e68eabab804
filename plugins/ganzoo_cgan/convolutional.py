"""The networks of the embed-multiply convolutional CGAN."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import Discriminator, DiscriminatorOutput, Dropout, Field, Generator, Shape, Sites
from ganzoo_cgan.configs import StridedConfig, UpsamplingConfig


@final
class EndPaddedConv2d(nn.Conv2d):
    """A convolution of size 3 and stride 2 that pads even sides at their end, as Keras does with ``padding="same"``.

    Maps (B, C, H, W) to (B, C', ⌈H/2⌉, ⌈W/2⌉).
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved maps."""
        height, width = (side % 2 for side in x.shape[2:])
        return super().forward(F.pad(x, (width, 1, height, 1)))


def halving(channels: int, units: int, padding: str) -> nn.Conv2d:
    """Return a convolution of size 3 and stride 2 that halves the sides; ``padding`` is ``both`` or ``end``."""
    if padding == "end":
        return EndPaddedConv2d(channels, units, 3, stride=2)
    return nn.Conv2d(channels, units, 3, stride=2, padding=1)


@final
class UpsamplingGenerator(Generator):
    """Noise (B, Z) → dense (width, H/4, W/4) → up ×2, conv stride 2 → up ×2, conv → up ×2, conv → tanh.

    The first convolution undoes the first upsampling, as in the published system.
    """

    def __init__(self, config: UpsamplingConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        channels, height, width = out.shape
        wide, narrow = config.widths
        self._start = (wide, height // 4, width // 4)
        noise = (math.prod(in_shape),)
        self.input = sites.at("input", noise, noise)
        self.dense = nn.Sequential(nn.Linear(math.prod(self.input.out_shape), math.prod(self._start)), nn.ReLU())
        self.up = nn.Upsample(scale_factor=2)
        self.conv1 = halving(wide, wide, config.padding)
        self.block1 = sites.at("block", self._start, noise, normalised=True)
        self.norm1 = self.block1.norm_before(nn.BatchNorm2d(wide, eps=config.norm_eps))
        self.conv2 = nn.Conv2d(self.block1.out_shape[0], narrow, 3, padding=1)
        self.block2 = sites.at("block", (narrow, height // 2, width // 2), noise, normalised=True)
        self.norm2 = self.block2.norm_before(nn.BatchNorm2d(narrow, eps=config.norm_eps))
        self.activation = nn.LeakyReLU(config.slope)
        self.output = nn.Sequential(nn.Conv2d(self.block2.out_shape[0], channels, 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = z.flatten(1)
        h = self.dense(self.input(z, condition, z)).view(-1, *self._start)
        h = self.activation(self.block1(self.norm1(self.conv1(self.up(h))), condition, z))
        h = self.activation(self.block2(self.norm2(self.conv2(self.up(h))), condition, z))
        images: Tensor = self.output(self.up(h))
        return images


@final
class StridedDiscriminator(Discriminator):
    """Images (B, C, H, W) through convolutions of stride 2 to one logit."""

    def __init__(self, config: StridedConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.input = sites.at("input", in_shape)
        channels, height, width = self.input.out_shape
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for units in config.widths:
            height, width = -(-height // 2), -(-width // 2)
            block = sites.at("block", (units, height, width), normalised=True)
            norm = block.norm_before(nn.BatchNorm2d(units, eps=config.norm_eps))
            self.layers.append(nn.Sequential(halving(channels, units, config.padding), norm))
            self.blocks.append(block)
            channels = block.out_shape[0]
        self.activation = nn.Sequential(nn.LeakyReLU(config.slope), Dropout(config.dropout))
        self.feature_width = channels * height * width
        self.head = sites.at("head", (self.feature_width,))
        self.output = nn.Linear(math.prod(self.head.out_shape), 1)
        self.logit = sites.at("logit", (1,), features=(self.feature_width,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the flat last feature map (B, F)."""
        h = self.input(x, condition)
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition))
        features = h.flatten(1)
        logit = self.output(self.head(features, condition))
        return DiscriminatorOutput(self.logit(logit, condition, features=features), features)
