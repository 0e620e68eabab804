"""The context encoder's generator: an image becomes a code, and the code an image."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn

from ganzoo.plugin import Field, Generator, Shape, Sites
from ganzoo_images.dropout import NoisyDropout
from ganzoo_images.network_options import EncoderDecoderConfig
from ganzoo_images.norms import norm_layer
from ganzoo_images.unet import WIDEST, halvings

BASE = 4  # the least side of a map, except in images that are smaller than 8


@final
class EncoderDecoder(Generator):
    """Maps images (B, C, H, W) through a code to images of any size.

    Encoder: convolutions 4×4 of stride 2 with w, w, 2w, 4w, 8w channels, leaky ReLU 0.2, then one of the size of the
    map to ``bottleneck`` numbers. Decoder: transposed convolutions with 8w, 4w, 2w, w channels, ReLU, tanh.
    Source: Pathak et al. 2016, arXiv 1604.07379, and pathak22/context-encoder.
    """

    def __init__(self, config: EncoderDecoderConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        down, up = halvings(in_shape[1:], 16, BASE), max(1, halvings(out.shape[1:], 16, BASE))
        self.input = sites.at("input", in_shape)
        layers: list[nn.Module] = []
        before = self.input.out_shape[0]
        for level in range(down):
            after = config.width * min(2 ** max(0, level - 1), WIDEST)
            norm = norm_layer(config.norm if level else "none", after)
            layers += [nn.Conv2d(before, after, 4, 2, 1), norm, nn.LeakyReLU(0.2)]
            before = after
        # Instance norm would leave nothing of a map of one pixel.
        norm = norm_layer("none" if config.norm == "instance" else config.norm, config.bottleneck)
        whole = tuple(side // 2**down for side in in_shape[1:])
        self.encoder = nn.Sequential(*layers, nn.Conv2d(before, config.bottleneck, whole), norm, nn.LeakyReLU(0.2))
        self.block = sites.at("block", (config.bottleneck, 1, 1))
        before, layers = self.block.out_shape[0], []
        for level in range(up):
            after = config.width * min(2 ** (up - 1 - level), WIDEST)
            kernel = tuple(side // 2**up for side in out.shape[1:])
            size = (4, 2, 1) if level else (kernel, 1, 0)
            dropout = NoisyDropout(config.dropout if level < up / 2 else 0.0)
            layers += [nn.ConvTranspose2d(before, after, *size), norm_layer(config.norm, after), dropout, nn.ReLU()]
            before = after
        self.decoder = nn.Sequential(*layers, nn.ConvTranspose2d(before, out.shape[0], 4, 2, 1), nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map images ``z`` (B, C, H, W) to images."""
        images: Tensor = self.decoder(self.block(self.encoder(self.input(z, condition)), condition))
        return images
