"""Discriminators of images that were made from images."""

from __future__ import annotations

from typing import Final, final

from torch import Tensor, nn

from ganzoo.plugin import Discriminator, DiscriminatorOutput, Shape, Sites
from ganzoo_images.network_options import PatchConfig, SuperResolutionDiscriminatorConfig
from ganzoo_images.norms import norm_layer
from ganzoo_images.unet import WIDEST

HALVINGS: Final = {"1": 0, "16": 1, "70": 3, "286": 5}
LEAST: Final = 3  # the least side before the last two convolutions, each of which takes 1 from it


def patch_halvings(field: str, shape: Shape) -> int:
    """Return the convolutions of stride 2 for patches of ``field`` pixels; fewer for small images."""
    count = HALVINGS[field]
    while count and min(shape[1:]) // 2**count < LEAST:
        count -= 1
    return count


@final
class Patch(Discriminator):
    """Maps images (B, C, H, W) to one logit (B, 1, H', W') for each of many overlapping patches.

    Convolutions 4×4 with w, 2w, 4w, 8w channels, the last two of stride 1, leaky ReLU 0.2; convolutions 1×1 for patches
    of one pixel. Source: Isola et al. 2017, arXiv 1611.07004, section 6.1.2, and phillipi/pix2pix.
    """

    def __init__(self, config: PatchConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.input = sites.at("input", in_shape)
        count, (before, *sides) = patch_halvings(config.field, in_shape), self.input.out_shape
        kernel, padding = (4, 1) if count else (1, 0)
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for level in range(count + 1 if count else 2):
            stride = 2 if level < count else 1
            after = config.width * min(2**level, WIDEST)
            sides = [(side + 2 * padding - kernel) // stride + 1 for side in sides]
            normed = level > 0 and config.norm != "none"
            block = sites.at("block", (after, *sides), normalised=normed)
            norm = norm_layer(config.norm if level else "none", after, config.affine)
            self.layers.append(
                nn.Sequential(nn.Conv2d(before, after, kernel, stride, padding), block.norm_before(norm))
            )
            self.blocks.append(block)
            before = block.out_shape[0]
        self.activation = nn.LeakyReLU(0.2)
        self.feature_width = before
        self.output = nn.Conv2d(before, 1, kernel, 1, padding)

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to logits (B, 1, H', W') and the means of the last maps (B, F)."""
        h = self.input(x, condition)
        for layer, block in zip(self.layers, self.blocks, strict=True):
            h = self.activation(block(layer(h), condition))
        return DiscriminatorOutput(self.output(h), h.mean((2, 3)))


@final
class SuperResolutionDiscriminator(Discriminator):
    """Maps images (B, C, H, W) to one logit: eight convolutions 3×3, every second of stride 2, then two dense layers.

    Source: Ledig et al. 2017, arXiv 1609.04802, figure 4.
    """

    def __init__(self, config: SuperResolutionDiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        self.input = sites.at("input", in_shape)
        before, *sides = self.input.out_shape
        layers: list[nn.Module] = []
        for level in range(8):
            after, stride = config.width * 2 ** (level // 2), 1 + level % 2
            sides = [-(-side // stride) for side in sides]
            norm = norm_layer(config.norm if level and min(sides) > 1 else "none", after)
            layers += [nn.Conv2d(before, after, 3, stride, 1), norm, nn.LeakyReLU(0.2)]
            before = after
        flat = before * sides[0] * sides[1]
        self.body = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, config.dense), nn.LeakyReLU(0.2))
        self.feature_width = config.dense
        self.head = sites.at("head", (config.dense,))
        self.output = nn.Linear(self.head.out_shape[0], 1)
        self.logit = sites.at("logit", (1,), features=(config.dense,))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the features (B, F) before it."""
        features = self.body(self.input(x, condition))
        logit = self.output(self.head(features, condition))
        return DiscriminatorOutput(self.logit(logit, condition, features=features), features)
