"""The networks of StyleGAN2 (Karras et al. 2020, arXiv 1912.04958), for images of any size.

Maps are halved with sides rounded up, and doubled and cut.
"""

from __future__ import annotations

import itertools
import math
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import (
    Discriminator,
    DiscriminatorOutput,
    Field,
    Generator,
    Shape,
    Sites,
    map_sides,
    output_activation,
    unit_square,
)
from ganzoo_stylegan.configs import StyleGAN2DiscriminatorConfig, StyleGAN2GeneratorConfig
from ganzoo_stylegan.layers import MAKE, Activation, MinibatchDeviation, ModulatedConv, Noise, limited
from ganzoo_stylegan.resampling import doubled, halved, smoothed_to_halve

MAPPING_RATE = 0.01
HALF = math.sqrt(0.5)  # keeps the variance of the sum of two ways
Sides = tuple[int, int]


@final
class Mapping(nn.Module):
    """The mapping network: z → w through ``layers`` dense layers, which learn at a hundredth of the rate."""

    def __init__(self, inputs: int, style: int, layers: int):
        super().__init__()
        self.layers = nn.Sequential()
        for number in range(layers):
            self.layers.append(MAKE.linear(style if number else inputs, style, gain=1.0, rate=MAPPING_RATE))
            self.layers.append(Activation())

    def forward(self, z: Tensor) -> Tensor:
        """Map (B, Z) to styles (B, S)."""
        styles: Tensor = self.layers(z)
        return styles


@final
class StyledConv(nn.Module):
    """A modulated convolution of size 3, noise, a bias, and a leaky ReLU."""

    def __init__(self, config: StyleGAN2GeneratorConfig, before: int, after: int, sides: Sides, double: bool = False):
        super().__init__()
        self._sides = sides
        self.conv = ModulatedConv(before, after, 3, config.style, double=double)
        self.noise = Noise(sides) if config.noise else nn.Identity()
        self.bias = nn.Parameter(torch.zeros(after))
        self.activation = Activation(config.clamp)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map (B, C, h, w) and styles (B, S) to (B, C', \\*sides)."""
        h: Tensor = self.activation(self.noise(self.conv(x, w, self._sides)) + self.bias.view(-1, 1, 1))
        return h


@final
class ToImage(nn.Module):
    """A modulated convolution of size 1 from features to channels of the image, which nothing divides."""

    def __init__(self, config: StyleGAN2GeneratorConfig, before: int, channels: int, sides: Sides):
        super().__init__()
        self._sides, self._clamp = sides, config.clamp
        self.conv = ModulatedConv(before, channels, 1, config.style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map (B, C, h, w) to (B, channels, h, w)."""
        return limited(self.conv(x, w, self._sides) + self.bias.view(-1, 1, 1), self._clamp)


@final
class StyleGAN2Generator(Generator):
    """z (B, Z) → style w; a learnt map → stages, each doubled and styled; the image is the sum of an image of each.

    Noise and condition have a mean square of 1 before the mapping network.
    """

    def __init__(self, config: StyleGAN2GeneratorConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        noise, widths = (math.prod(in_shape),), config.widths
        self._sides = map_sides(out.shape[1:], len(widths) - 1)[::-1]
        self.input = sites.at("input", noise, noise)
        self.mapping = Mapping(math.prod(self.input.out_shape), config.style, config.mapping)
        self.start = nn.Parameter(torch.randn(widths[0], *self._sides[0]))
        self.doubling, self.convs, self.to_image = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for number, (width, sides) in enumerate(zip(widths, self._sides, strict=True)):
            if number:
                self.doubling.append(StyledConv(config, widths[number - 1], width, sides, double=True))
            self.convs.append(StyledConv(config, width, width, sides))
            self.to_image.append(ToImage(config, width, out.shape[0], sides))
        self.activation = output_activation(config.output)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = unit_square(z.flatten(1))
        w = self.mapping(self.input(z, condition, z))
        h = self.convs[0](self.start.expand(w.shape[0], *self.start.shape), w)  # an export has no len()
        image = self.to_image[0](h, w)
        stages = zip(self._sides[1:], self.doubling, list(self.convs)[1:], list(self.to_image)[1:], strict=True)
        for sides, double, conv, to_image in stages:
            h = conv(double(h, w), w)
            image = doubled(image, sides) + to_image(h, w)
        images: Tensor = self.activation(image)
        return images


@final
class Stage(nn.Module):
    """Two convolutions of size 3, of which the second halves the sides; ``gain`` multiplies what they return."""

    def __init__(self, before: int, after: int, clamp: float, gain: float = 1.0):
        super().__init__()
        self.conv = nn.Sequential(MAKE.conv(before, before, 3, padding=1, gain=1.0), Activation(clamp))
        self.halving = nn.Sequential(MAKE.conv(before, after, 3, stride=2, gain=1.0), Activation(clamp, gain))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', ⌈H/2⌉, ⌈W/2⌉)."""
        h: Tensor = self.halving(smoothed_to_halve(self.conv(x)))
        return h


@final
class ResidualStage(nn.Module):
    """A stage, and around it the filter and a convolution of size 1."""

    def __init__(self, before: int, after: int, clamp: float):
        super().__init__()
        self.stage = Stage(before, after, clamp, HALF)
        self.around = MAKE.conv(before, after, 1, bias=False, gain=HALF)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', ⌈H/2⌉, ⌈W/2⌉)."""
        added: Tensor = self.stage(x) + self.around(halved(x))
        return added


@final
class StyleGAN2Discriminator(Discriminator):
    """Image (B, C, H, W) → stages that halve → deviation of the minibatch, convolution, dense, linear: the features.

    The logit is their sum, divided by the root of their number.
    """

    def __init__(self, config: StyleGAN2DiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        widths = config.widths[::-1]
        self.input = sites.at("input", in_shape)
        from_image = MAKE.conv(self.input.out_shape[0], widths[0], 1, gain=1.0)
        self.start = nn.Sequential(from_image, Activation(config.clamp))
        kind = ResidualStage if config.residual else Stage
        self.stages = nn.Sequential(*(kind(*pair, config.clamp) for pair in itertools.pairwise(widths)))
        last, compared = widths[-1], config.group > 1
        smallest = map_sides(in_shape[1:], len(widths) - 1)[-1]
        self.deviation = MinibatchDeviation(config.group) if compared else nn.Identity()
        conv = MAKE.conv(last + compared, last, 3, padding=1, gain=1.0)
        self.conv = nn.Sequential(conv, Activation(config.clamp))
        self.dense = nn.Sequential(MAKE.linear(last * math.prod(smallest), last, gain=1.0), Activation())
        self.head = sites.at("head", (last,))
        self.output = MAKE.linear(math.prod(self.head.out_shape), config.features, gain=1.0)
        self.feature_width = config.features
        self.logit = sites.at("logit", (1,), features=(config.features,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the features (B, F)."""
        h = self.conv(self.deviation(self.stages(self.start(self.input(x, condition)))))
        features = self.output(self.head(self.dense(h.flatten(1)), condition))
        logit = features.sum(1, keepdim=True) / math.sqrt(self.feature_width)
        return DiscriminatorOutput(self.logit(logit, condition, features=features), features)
