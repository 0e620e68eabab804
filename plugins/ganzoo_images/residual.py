"""Generators of residual blocks: one keeps the size of an image, the other enlarges it."""

from __future__ import annotations

from typing import Literal, final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import Field, Generator, Shape, Sites
from ganzoo_images.dropout import NoisyDropout
from ganzoo_images.network_options import ResidualImageConfig, SuperResolutionConfig
from ganzoo_images.norms import norm_layer

FAINT = 0.01  # of the usual weights, so that what is added is faint at first


@final
class _Block(nn.Module):
    """x + (two convolutions of x, 3×3), with a norm behind each."""

    def __init__(
        self, width: int, norm: str, padding: Literal["zeros", "reflect"], activation: nn.Module, dropout: float = 0.0
    ):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, padding_mode=padding),
            norm_layer(norm, width, affine=False),
            activation,
            NoisyDropout(dropout),
            nn.Conv2d(width, width, 3, padding=1, padding_mode=padding),
            norm_layer(norm, width, affine=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to itself."""
        images: Tensor = x + self.body(x)
        return images


@final
class ResidualImage(Generator):
    """Maps images (B, C, H, W) to images of the same size: c7s1-w, d2w, d4w, residual blocks, u2w, uw, c7s1, tanh.

    Source: Zhu et al. 2017, arXiv 1703.10593, section 7.2, and Johnson et al. 2016, arXiv 1603.08155.
    """

    def __init__(self, config: ResidualImageConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        width, sides = config.width, in_shape[1:]
        self.input = sites.at("input", in_shape)
        convolutions = (
            nn.Conv2d(self.input.out_shape[0], width, 7, padding=3, padding_mode="reflect"),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.Conv2d(2 * width, 4 * width, 3, 2, 1),
        )
        self.encoder = nn.Sequential(*(self._layer(conv, config.norm) for conv in convolutions))
        blocks = (_Block(4 * width, config.norm, "reflect", nn.ReLU(), config.dropout) for _ in range(config.blocks))
        self.body = nn.Sequential(*blocks)
        self.block = sites.at("block", (4 * width, *(side // 4 for side in sides)))
        upwards = (
            nn.ConvTranspose2d(self.block.out_shape[0], 2 * width, 3, 2, 1, output_padding=1),
            nn.ConvTranspose2d(2 * width, width, 3, 2, 1, output_padding=1),
        )
        self.decoder = nn.Sequential(*(self._layer(conv, config.norm) for conv in upwards))
        self.output = nn.Sequential(nn.Conv2d(width, out.shape[0], 7, padding=3, padding_mode="reflect"), nn.Tanh())

    def _layer(self, convolution: nn.Conv2d | nn.ConvTranspose2d, norm: str) -> nn.Module:
        return nn.Sequential(convolution, norm_layer(norm, convolution.out_channels, affine=False), nn.ReLU())

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map images ``z`` (B, C, H, W), whose sides are multiples of 4, to images."""
        h = self.body(self.encoder(self.input(z, condition)))
        images: Tensor = self.output(self.decoder(self.block(h, condition)))
        return images


@final
class SuperResolution(Generator):
    """Maps images (B, C, H, W) to images that are larger by a power of 2, with sub-pixel convolutions (SRResNet).

    c9 w, PReLU; residual blocks with batch norm and PReLU; c3, norm; w·4 channels, pixel shuffle and PReLU for each
    doubling; c9. Sources: Ledig et al. 2017, arXiv 1609.04802, figure 4; Shi et al. 2016, arXiv 1609.05158.
    """

    def __init__(self, config: SuperResolutionConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        width, self._skip = config.width, config.skip
        self._factor = out.shape[1] // in_shape[1]
        self.input = sites.at("input", in_shape)
        self.first = nn.Sequential(nn.Conv2d(self.input.out_shape[0], width, 9, padding=4), nn.PReLU())
        blocks = (_Block(width, config.norm, "zeros", nn.PReLU()) for _ in range(config.blocks))
        self.body = nn.Sequential(*blocks, nn.Conv2d(width, width, 3, padding=1), norm_layer(config.norm, width))
        self.block = sites.at("block", (width, *in_shape[1:]))
        doublings, before = [], self.block.out_shape[0]
        for _ in range(self._factor.bit_length() - 1):
            doublings.append(nn.Sequential(nn.Conv2d(before, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()))
            before = width
        self.up = nn.Sequential(*doublings)
        self.output = nn.Conv2d(before, out.shape[0], 9, padding=4)
        if config.skip:  # the first images are nearly those of the interpolation
            with torch.no_grad():
                for weights in self.output.parameters():
                    weights.mul_(FAINT)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map images ``z`` (B, C, H, W) to images in [-1, 1]."""
        h = self.first(self.input(z, condition))
        images: Tensor = self.output(self.up(self.block(h + self.body(h), condition)))
        if self._skip:
            images = images + F.interpolate(z, images.shape[2:], mode="bicubic")
        return images.clamp(-1, 1) if not self.training else images
