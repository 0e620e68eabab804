"""DCGAN's networks (Radford et al. 2016), for images whose sides are base · 2^k with one k for both."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import (
    Discriminator,
    DiscriminatorOutput,
    Field,
    Generator,
    Layers,
    Shape,
    Sites,
    UserError,
    join_packs,
    repeat_packs,
)
from ganzoo_dcgan.configs import DCGANConfig, DCGANDiscriminatorConfig, factorise

WIDEST = 8  # times ``width``


def channels(config: DCGANConfig, height: int, width: int) -> tuple[tuple[int, int], list[int]]:
    """Return the sides of the smallest feature map and the channels of each, from the image inwards."""
    factors = factorise(height, width)
    if factors is None:
        raise UserError(f"dcgan networks do not support images of {height}×{width}: set --dataset-size")
    base, doublings = factors
    return base, [config.width * min(2**depth, WIDEST) for depth in range(doublings)]


@final
class DCGANGenerator(Generator):
    """Noise (B, Z) → (8·width, *base) → doubled until (C, H, W); batch norm and ReLU, tanh at the end."""

    def __init__(self, config: DCGANConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        image_channels, height, width = out.shape
        base, outwards = channels(config, height, width)
        inwards = outwards[::-1]
        noise = (math.prod(in_shape),)
        self.input, make = sites.at("input", noise, noise), Layers(config.weights)
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        before = math.prod(self.input.out_shape)
        for depth, after in enumerate(inwards):
            kernel, stride, padding = (4, 2, 1) if depth else (base, 1, 0)
            upsample = make.transposed_conv(before, after, kernel, stride, padding, bias=False)
            block = sites.at("block", (after, *(side * 2**depth for side in base)), noise, normalised=True)
            self.layers.append(nn.Sequential(upsample, block.norm_before(nn.BatchNorm2d(after))))
            self.blocks.append(block)
            before = block.out_shape[0]
        self.activation = nn.ReLU(inplace=True)
        to_image = make.transposed_conv(before, image_channels, 4, 2, 1, bias=False, gain=1.0)
        self.output = nn.Sequential(to_image, nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = z.flatten(1)
        h = self.input(z, condition, z)[:, :, None, None]
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition, z))
        images: Tensor = self.output(h)
        return images


@final
class DCGANDiscriminator(Discriminator):
    """Images (B, C, H, W), halved until (8·width, *base), to one logit; no batch norm on the first layer."""

    def __init__(self, config: DCGANDiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        base, outwards = channels(config, *in_shape[1:])
        self.input, make = sites.at("input", in_shape), Layers(config.weights)
        self.pack = config.pack
        before, sides = self.input.out_shape[0] * config.pack, in_shape[1:]
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for depth, after in enumerate(outwards):
            sides = tuple(side // 2 for side in sides)
            normed = config.norm and depth > 0
            norm = nn.BatchNorm2d(after) if normed else nn.Identity()
            block = sites.at("block", (after, *sides), normalised=normed)
            conv = make.conv(before, after, 4, 2, 1, bias=not config.norm)
            self.layers.append(nn.Sequential(conv, block.norm_before(norm)))
            self.blocks.append(block)
            before = block.out_shape[0]
        # With slope 0, the operation in place has no gradient.
        self.activation = nn.LeakyReLU(config.slope, inplace=config.slope > 0)
        self.feature_width = before * math.prod(base)
        self.head = sites.at("head", (before, *base))
        self.output = make.conv(self.head.out_shape[0], 1, base, bias=False, gain=1.0)
        self.logit = sites.at("logit", (1,), features=(self.feature_width,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the flat last feature map (B, F)."""
        h = join_packs(self.input(x, condition), self.pack)
        if condition is not None:
            condition = condition[:: self.pack]
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition))
        features = h.flatten(1)
        logit = self.logit(self.output(self.head(h, condition)).flatten(1), condition, features=features)
        return DiscriminatorOutput(repeat_packs(logit, self.pack), repeat_packs(features, self.pack))
