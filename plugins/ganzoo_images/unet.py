"""The U-Net: an encoder and a decoder whose layers of one size are connected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import Field, Generator, Shape, Sites
from ganzoo_images.dropout import NoisyDropout
from ganzoo_images.network_options import UNetConfig
from ganzoo_images.norms import norm_layer

WIDEST = 8  # times ``width``


def halvings(sides: Sequence[int], most: int, least: int = 1) -> int:
    """Return how often, but at most ``most`` times, all sides can be halved to whole numbers of at least ``least``."""
    count = 0
    while count < most and all(side % 2 ** (count + 1) == 0 and side // 2 ** (count + 1) >= least for side in sides):
        count += 1
    return count


@final
class UNet(Generator):
    """Maps images (B, C, H, W) to images of the same size.

    Encoder: convolutions 4×4 of stride 2, leaky ReLU 0.2; the first and the innermost layer have no norm. Decoder:
    transposed convolutions, ReLU, dropout in its innermost layers; each layer but the first also sees the layer of the
    encoder that has its size. Source: Isola et al. 2017, arXiv 1611.07004, section 6.1.1, and phillipi/pix2pix.
    """

    def __init__(self, config: UNetConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        depth = max(1, halvings(in_shape[1:], config.depth))
        widths = [config.width * min(2**level, WIDEST) for level in range(depth)]
        self.input = sites.at("input", in_shape)
        self.encoder, self.decoder, self.blocks = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        before = self.input.out_shape[0]
        for level, width in enumerate(widths):
            outer, inner = level == 0, level == depth - 1
            layers: list[nn.Module] = [] if outer else [nn.LeakyReLU(0.2)]
            layers.append(nn.Conv2d(before, width, 4, 2, 1))
            layers.append(nn.Identity() if outer or inner else norm_layer(config.norm, width))
            self.encoder.append(nn.Sequential(*layers))
            before = width
        for place, width in enumerate(reversed(widths[:-1])):
            shape = (width, *(side // 2 ** (depth - 1 - place) for side in in_shape[1:]))
            block = sites.at("block", shape, normalised=config.norm != "none")
            norm = block.norm_before(norm_layer(config.norm, width))
            self.decoder.append(nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(before, width, 4, 2, 1), norm))
            self.blocks.append(block)
            before = block.out_shape[0] + width
        rates = (config.dropout if place < config.dropped else 0.0 for place in range(depth - 1))
        self.dropouts = nn.ModuleList(NoisyDropout(rate) for rate in rates)
        self.output = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(before, out.shape[0], 4, 2, 1), nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map images ``z`` (B, C, H, W) to images; the sides must be multiples of 2^depth."""
        h, seen = self.input(z, condition), []
        for layer in self.encoder:
            h = layer(h)
            seen.append(h)
        seen.pop()
        for layer, block, dropout in zip(self.decoder, self.blocks, self.dropouts, strict=True):
            h = torch.cat([dropout(block(layer(h), condition)), seen.pop()], dim=1)
        images: Tensor = self.output(h)
        return images
