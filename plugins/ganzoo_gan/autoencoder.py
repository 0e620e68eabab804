"""Discriminators that are auto-encoders: their logit is minus the error with which they reconstruct an example."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import Discriminator, DiscriminatorOutput, Shape, Sites
from ganzoo_gan.configs import AutoencoderConfig, ConvolutionalAutoencoderConfig, ErrorConfig

SMALLEST = 8  # no side of the last feature map is longer


class Autoencoder(Discriminator):
    """Encodes an example as its features, and decodes these; the error is a mean over the numbers of the example.

    The condition may enter the encoder, and the code on its way to the decoder (the site ``head``).
    """

    def __init__(self, config: ErrorConfig, sites: Sites):
        super().__init__()
        self._squared = config.error == "squared"
        self.feature_width = config.code
        self.head = sites.at("head", (config.code,))

    @abstractmethod
    def encode(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map x (B, \\*in_shape) to codes (B, F)."""

    @abstractmethod
    def decode(self, code: Tensor) -> Tensor:
        """Map codes that have passed the site ``head`` to examples (B, \\*in_shape)."""

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, \\*in_shape) to one logit (B, 1), the codes (B, F) and the reconstructions (B, \\*in_shape)."""
        code = self.encode(x, condition)
        reconstruction = self.decode(self.head(code, condition))
        difference = (reconstruction - x).flatten(1)
        error = difference.square() if self._squared else difference.abs()
        return DiscriminatorOutput(-error.mean(1, keepdim=True), code, reconstruction)


@final
class DenseAutoencoder(Autoencoder):
    """Fully connected layers, for flattened examples of any shape; the decoder mirrors the encoder."""

    def __init__(self, config: AutoencoderConfig, in_shape: Shape, sites: Sites):
        super().__init__(config, sites)
        self._shape = in_shape
        self.input = sites.at("input", (math.prod(in_shape),))
        width = math.prod(self.input.out_shape)
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for units in config.widths:
            block = sites.at("block", (units,))
            self.layers.append(nn.Linear(width, units))
            self.blocks.append(block)
            width = math.prod(block.out_shape)
        self.activation = nn.LeakyReLU(0.2)
        self.code = nn.Linear(width, config.code)
        outwards = (math.prod(self.head.out_shape), *reversed(config.widths))
        hidden = (nn.Sequential(nn.Linear(*pair), nn.LeakyReLU(0.2)) for pair in pairwise(outwards))
        self.decoder = nn.Sequential(*hidden, nn.Linear(outwards[-1], math.prod(in_shape)))

    def encode(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map x (B, \\*in_shape) to codes (B, F)."""
        h = self.input(x.flatten(1), condition)
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition))
        code: Tensor = self.code(h)
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to examples (B, \\*in_shape)."""
        decoded: Tensor = self.decoder(code.flatten(1))
        return decoded.view(-1, *self._shape)


@final
class ConvolutionalAutoencoder(Autoencoder):
    """Convolutions with ELU that halve an image of any size until no side is longer than 8, and double it again.

    The i-th scale has i · width channels in the encoder; the decoder has ``width`` everywhere, as in BEGAN.
    """

    def __init__(self, config: ConvolutionalAutoencoderConfig, in_shape: Shape, sites: Sites):
        super().__init__(config, sites)
        width, channels = config.width, in_shape[0]
        scales = [*_scales(in_shape[1:])]
        self.input = sites.at("input", in_shape)
        self.first = _convolved(self.input.out_shape[0], width)
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        before = width
        for number, scale in enumerate(scales, 1):
            after = number * width
            halving = [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ELU()] if number > 1 else []
            *rest, last = (nn.Conv2d(after, after, 3, padding=1) for _ in range(config.convolutions))
            self.layers.append(nn.Sequential(*halving, *(layer for one in rest for layer in (one, nn.ELU())), last))
            block = sites.at("block", (after, *scale))
            self.blocks.append(block)
            before = block.out_shape[0]
        self.activation = nn.ELU()
        self.code = nn.Linear(before * math.prod(scales[-1]), config.code)
        self._start = (width, *scales[-1])
        self.decoding = nn.Linear(math.prod(self.head.out_shape), math.prod(self._start))
        decoder: list[nn.Module] = [_convolved(width, width) for _ in range(config.convolutions)]
        for scale in reversed(scales[:-1]):
            decoder += [nn.Upsample(scale), *(_convolved(width, width) for _ in range(config.convolutions))]
        self.decoder = nn.Sequential(*decoder, nn.Conv2d(width, channels, 3, padding=1))

    def encode(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map x (B, C, H, W) to codes (B, F)."""
        h = self.first(self.input(x, condition))
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition))
        code: Tensor = self.code(h.flatten(1))
        return code

    def decode(self, code: Tensor) -> Tensor:
        """Map codes to images (B, C, H, W)."""
        images: Tensor = self.decoder(self.decoding(code.flatten(1)).view(-1, *self._start))
        return images


def _scales(sides: Shape) -> Iterator[Shape]:
    """Yield the sides of the feature maps, from the image inwards."""
    yield sides
    while max(sides) > SMALLEST:
        sides = tuple(-(-side // 2) for side in sides)
        yield sides


def _convolved(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.ELU())
