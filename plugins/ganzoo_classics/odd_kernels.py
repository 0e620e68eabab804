"""Convolutions with an odd kernel that halve an image, and such that double a map, for images of any size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import final

from torch import Tensor, nn

from ganzoo.plugin import (
    Discriminator,
    DiscriminatorOutput,
    Field,
    Generator,
    Shape,
    Sites,
    join_packs,
    output_activation,
    repeat_packs,
)
from ganzoo_classics.configs import DoublingConfig, HalvingConfig


def halved(shape: Shape, halvings: int) -> Sequence[tuple[int, int]]:
    """Return the sides of an image (C, H, W) and of its maps, each half as large, rounded up.

    >>> halved((1, 28, 30), 3)
    [(28, 30), (14, 15), (7, 8), (4, 4)]
    """
    return [(-(-shape[1] // 2**depth), -(-shape[2] // 2**depth)) for depth in range(halvings + 1)]


@final
class HalvingDiscriminator(Discriminator):
    """Images (B, C, H, W), or packs of them, through convolutions of stride 2 and leaky ReLU to one logit.

    The features are the flat last map.
    """

    def __init__(self, config: HalvingConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.pack, kernel = config.pack, int(config.kernel)
        self.input = sites.at("input", in_shape)
        before = self.input.out_shape[0] * config.pack
        layers: list[nn.Module] = []
        for width in config.widths:
            norm = nn.BatchNorm2d(width) if config.norm else nn.Identity()
            layers += [nn.Conv2d(before, width, kernel, 2, kernel // 2), norm, nn.LeakyReLU(config.slope)]
            before = width
        self.layers = nn.Sequential(*layers)
        self.feature_width = before * math.prod(halved(in_shape, len(config.widths))[-1])
        self.output = nn.Linear(self.feature_width, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and features (B, F)."""
        features = self.layers(join_packs(self.input(x, condition), self.pack)).flatten(1)
        return DiscriminatorOutput(repeat_packs(self.output(features), self.pack), repeat_packs(features, self.pack))


@final
class DoublingGenerator(Generator):
    """Noise (B, Z) → dense (width, H/2ⁿ, W/2ⁿ) → transposed convolutions of stride 2, cut to size → (C, H, W).

    ReLU follows every layer but the last.
    """

    def __init__(self, config: DoublingConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        noise, kernel = (math.prod(in_shape),), int(config.kernel)
        self.input = sites.at("input", noise, noise)
        doublings = len(config.widths) - (1 if config.smooth else 0)
        *self._sides, start = halved(out.shape, doublings)
        *others, first = config.widths
        self._start = (first, *start)
        self.start = nn.Linear(math.prod(self.input.out_shape), math.prod(self._start))
        self.start_norm = nn.BatchNorm2d(first) if config.norm else nn.Identity()
        channels = [first, *reversed(others), *(() if config.smooth else (out.shape[0],))]
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        for depth, (before, after) in enumerate(pairwise(channels), 1):
            hidden = config.smooth or depth < doublings
            self.layers.append(nn.ConvTranspose2d(before, after, kernel, 2, kernel // 2, output_padding=1))
            self.norms.append(nn.BatchNorm2d(after) if config.norm and hidden else nn.Identity())
        self._smooth = config.smooth
        self.to_image = (
            nn.Conv2d(channels[-1], out.shape[0], kernel, 1, kernel // 2) if config.smooth else nn.Identity()
        )
        self.output = output_activation(config.output)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = z.flatten(1)
        h = self.start_norm(self.start(self.input(z, condition, z)).view(-1, *self._start))
        for layer, norm, (height, width) in zip(self.layers, self.norms, reversed(self._sides), strict=True):
            h = norm(layer(h.relu())[:, :, :height, :width])
        images: Tensor = self.output(self.to_image(h.relu() if self._smooth else h))
        return images
