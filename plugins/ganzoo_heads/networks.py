"""The networks of InfoGAN, for images of any size (Chen et al. 2016, arXiv 1606.03657, appendix C.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import Discriminator, DiscriminatorOutput, Field, Generator, Shape, Sites, output_activation
from ganzoo_heads.configs import InfoGANDiscriminatorConfig, InfoGANGeneratorConfig


def sides_of(shape: Shape, halvings: int) -> Sequence[tuple[int, int]]:
    """Return the sides of an image (C, H, W) and of its maps, each half as large, rounded down.

    >>> sides_of((1, 28, 30), 2)
    [(28, 30), (14, 15), (7, 7)]
    """
    return [(shape[1] // 2**depth, shape[2] // 2**depth) for depth in range(halvings + 1)]


@final
class InfoGANGenerator(Generator):
    """Noise (B, Z) → dense → dense (width, H/2ⁿ, W/2ⁿ) → transposed convolutions of size 4 and stride 2 → (C, H, W).

    Batch norm and ReLU follow every layer but the last.
    """

    def __init__(self, config: InfoGANGeneratorConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        noise = (math.prod(in_shape),)
        *outer, start = sides_of(out.shape, len(config.widths))
        self._start = (config.widths[-1], *start)
        self.input = sites.at("input", noise, noise)
        self.dense_block = sites.at("block", (config.dense,), noise, normalised=True)
        self.dense = nn.Sequential(
            nn.Linear(math.prod(self.input.out_shape), config.dense),
            self.dense_block.norm_before(nn.BatchNorm1d(config.dense)),
        )
        size = math.prod(self._start)
        self.start_block = sites.at("block", self._start, noise, normalised=True)
        self.start = nn.Sequential(
            nn.Linear(math.prod(self.dense_block.out_shape), size), self.start_block.norm_before(nn.BatchNorm1d(size))
        )
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        before = self.start_block.out_shape[0]
        for width, sides in zip(config.widths[-2::-1], outer[:0:-1], strict=True):
            block = sites.at("block", (width, *sides), noise, normalised=True)
            norm = block.norm_before(nn.BatchNorm2d(width))
            self.layers.append(nn.Sequential(doubling(before, width, sides), norm))
            self.blocks.append(block)
            before = block.out_shape[0]
        self.activation = nn.ReLU()
        self.output = nn.Sequential(doubling(before, out.shape[0], outer[0]), output_activation(config.output))

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = z.flatten(1)
        h = self.activation(self.dense_block(self.dense(self.input(z, condition, z)), condition, z))
        h = self.activation(self.start_block(self.start(h).view(-1, *self._start), condition, z))
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition, z))
        images: Tensor = self.output(h)
        return images


def doubling(before: int, after: int, sides: tuple[int, int]) -> nn.ConvTranspose2d:
    """Return a transposed convolution that doubles the sides of a map, up to ``sides``, which may be odd."""
    return nn.ConvTranspose2d(before, after, 4, 2, 1, output_padding=(sides[0] % 2, sides[1] % 2))


@final
class InfoGANDiscriminator(Discriminator):
    """Images (B, C, H, W) → convolutions of size 4 and stride 2 → dense → one logit.

    Batch norm follows every layer but the first and the last. The features are those of the dense layer.
    """

    def __init__(self, config: InfoGANDiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.input = sites.at("input", in_shape)
        before = self.input.out_shape[0]
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        sides = sides_of(in_shape, len(config.widths))
        for depth, width in enumerate(config.widths):
            block = sites.at("block", (width, *sides[depth + 1]), normalised=depth > 0)
            norm = nn.BatchNorm2d(width) if depth else nn.Identity()
            self.layers.append(nn.Sequential(nn.Conv2d(before, width, 4, 2, 1), block.norm_before(norm)))
            self.blocks.append(block)
            before = block.out_shape[0]
        self.activation = nn.LeakyReLU(config.slope)
        flat = before * math.prod(sides[-1])
        self.dense_block = sites.at("block", (config.dense,), normalised=True)
        last_norm = self.dense_block.norm_before(nn.BatchNorm1d(config.dense))
        self.dense = nn.Sequential(nn.Linear(flat, config.dense), last_norm)
        self.feature_width = math.prod(self.dense_block.out_shape)
        self.head = sites.at("head", (self.feature_width,))
        self.output = nn.Linear(math.prod(self.head.out_shape), 1)
        self.logit = sites.at("logit", (1,), features=(self.feature_width,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the dense layer (B, F)."""
        h = self.input(x, condition)
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition))
        features = self.activation(self.dense_block(self.dense(h.flatten(1)), condition))
        logit = self.output(self.head(features, condition))
        return DiscriminatorOutput(self.logit(logit, condition, features=features), features)
