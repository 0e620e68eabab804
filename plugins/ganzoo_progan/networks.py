"""The networks of progressive growing (Karras et al. 2018, arXiv 1710.10196), for images of any size.

Maps are halved with sides rounded up, and doubled and cut.
"""

from __future__ import annotations

import math
from typing import Final, final

from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import (
    Discriminator,
    DiscriminatorOutput,
    Field,
    Generator,
    Layers,
    Shape,
    Sites,
    map_sides,
    output_activation,
    unit_square,
)
from ganzoo_progan.configs import ProgressiveDiscriminatorConfig, ProgressiveGeneratorConfig
from ganzoo_progan.growth import Growth, doubled, halved
from ganzoo_stylegan.layers import MinibatchDeviation

SLOPE: Final = 0.2
FIRST_GAIN: Final = math.sqrt(2.0) / 4  # of the dense layer behind the noise, as the authors have it
MAKE = Layers("equalised")


def _activated(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


@final
class _Normed(nn.Module):
    """A convolution of size 3, leaky ReLU, and pixel norm."""

    def __init__(self, before: int, after: int):
        super().__init__()
        self.conv = MAKE.conv(before, after, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H, W)."""
        return unit_square(_activated(self.conv(x)))


@final
class ProgressiveGenerator(Generator):
    """z (B, Z) → a map of the smallest size → stages, each doubled and convolved; the image is that of the last one.

    While a stage fades in, the image is a mean of its own and that of the stage before. An image of a stage that is not
    the last one is enlarged, each pixel as it is, so that images always have their full size.
    """

    def __init__(self, config: ProgressiveGeneratorConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        noise, widths = (math.prod(in_shape),), config.widths
        self._sides = map_sides(out.shape[1:], len(widths) - 1)[::-1]
        self.growth = Growth(len(widths))
        self.input = sites.at("input", noise, noise)
        places = math.prod(self._sides[0])
        self.first = MAKE.linear(math.prod(self.input.out_shape), widths[0] * places, gain=FIRST_GAIN)
        self.stages, self.image_layers = nn.ModuleList(), nn.ModuleList()
        for stage, width in enumerate(widths):
            convs = [_Normed(widths[stage - 1], width)] if stage else []
            self.stages.append(nn.Sequential(*convs, _Normed(width, width)))
            self.image_layers.append(MAKE.conv(width, out.shape[0], 1, gain=1.0))
        self.activation = output_activation(config.output)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = z.flatten(1)
        h = self.first(unit_square(self.input(z, condition, z))).unflatten(1, (-1, *self._sides[0]))
        h = unit_square(_activated(h))
        low, high = self.growth.stages
        for stage in range(high + 1):
            h = self.stages[stage](doubled(h, self._sides[stage]) if stage else h)
            if stage == low:
                image = self.image_layers[stage](h)
            elif stage > low:
                image = self.growth.mixed(stage, doubled(image, self._sides[stage]), self.image_layers[stage](h))
        for sides in self._sides[high + 1 :]:
            image = doubled(image, sides)
        images: Tensor = self.activation(image)
        return images


@final
class ProgressiveDiscriminator(Discriminator):
    """Image (B, C, H, W) → stages, each convolved and halved → deviation of the batch, convolution, two dense layers.

    Images may have the full size, or that of the stage which fades in or is the last one. While it fades in, what the
    stage before receives is a mean of what comes from it and of the smaller image itself.
    """

    def __init__(self, config: ProgressiveDiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        widths, compared = config.widths, config.group > 1
        self._sides = map_sides(in_shape[1:], len(widths) - 1)[::-1]
        self.growth = Growth(len(widths))
        self.image_layers, self.stages = nn.ModuleList(), nn.ModuleList()
        for stage, width in enumerate(widths):
            self.image_layers.append(MAKE.conv(in_shape[0], width, 1))
            if stage:
                convs = MAKE.conv(width, width, 3, padding=1), MAKE.conv(width, widths[stage - 1], 3, padding=1)
                self.stages.append(nn.Sequential(convs[0], nn.LeakyReLU(SLOPE), convs[1], nn.LeakyReLU(SLOPE)))
        width, places = widths[0], math.prod(self._sides[0])
        self.deviation = MinibatchDeviation(config.group) if compared else nn.Identity()
        self.conv = MAKE.conv(width + compared, width, 3, padding=1)
        self.dense = MAKE.linear(width * places, width)
        self.feature_width = width
        self.head = sites.at("head", (width,))
        self.output = MAKE.linear(math.prod(self.head.out_shape), 1, gain=1.0)
        self.logit = sites.at("logit", (1,), features=(width,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the features (B, F) before it."""
        low, high = self.growth.stages
        while x.shape[2:] != self._sides[high]:
            x = halved(x)
        h = _activated(self.image_layers[high](x))
        for stage in range(high, 0, -1):
            h = halved(self.stages[stage - 1](h))
            if stage > low:
                x = halved(x)
                h = self.growth.mixed(stage, _activated(self.image_layers[stage - 1](x)), h)
        h = _activated(self.conv(self.deviation(h)))
        features = _activated(self.dense(h.flatten(1)))
        logit = self.output(self.head(features, condition))
        return DiscriminatorOutput(self.logit(logit, condition, features=features), features)
