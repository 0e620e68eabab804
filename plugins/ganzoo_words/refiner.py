"""The generator of StackGAN's second stage: from a small image and a text to a larger image."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import Conditioner, Field, Generator, Shape, Sites, map_sides
from ganzoo_words.network_options import RefinerConfig


@final
class _Residual(nn.Module):
    """relu(x + conditioned(norm(conv(relu(norm(conv(x)))))))."""

    def __init__(self, channels: int, sides: tuple[int, ...], sites: Sites):
        super().__init__()
        self.first = nn.Sequential(_conv(channels, channels), nn.BatchNorm2d(channels), nn.ReLU())
        self.block: Conditioner = sites.at("block", (channels, *sides), normalised=True)
        self.second = nn.Sequential(_conv(channels, channels), self.block.norm_before(nn.BatchNorm2d(channels)))

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, C, H, W) to itself."""
        return F.relu(x + self.block(self.second(self.first(x)), condition))


@final
class Refiner(Generator):
    """c3 w; two halvings to 4w, where the text joins; residual blocks; doublings to the larger image, tanh.

    Source: Zhang et al. 2017, arXiv 1612.03242, section 3.4, and hanzhanggit/StackGAN: 64² to 16² and then to 256².
    """

    def __init__(self, config: RefinerConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        width, inner = config.width, 4 * config.width
        sides = map_sides(in_shape[1:], 2)[-1]
        self._sides = out.shape[1:]
        self.encoder = nn.Sequential(
            _conv(in_shape[0], width),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.ReLU(),
            nn.Conv2d(2 * width, inner, 3, 2, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
        )
        self.input = sites.at("input", (inner, *sides))
        self.joined = nn.Sequential(_conv(self.input.out_shape[0], inner), nn.BatchNorm2d(inner), nn.ReLU())
        self.blocks = nn.ModuleList(_Residual(inner, sides, sites) for _ in range(config.blocks))
        doublings, before, height = list[nn.Module](), inner, sides[0]
        while height < self._sides[0]:
            after, height = max(width, before // 2), 2 * height
            up = nn.Upsample(scale_factor=2, mode="nearest")
            doublings.append(nn.Sequential(up, _conv(before, after), nn.BatchNorm2d(after), nn.ReLU()))
            before = after
        self.up = nn.Sequential(*doublings)
        self.output = nn.Sequential(nn.Conv2d(before, out.shape[0], 3, padding=1), nn.Tanh())

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map images ``z`` (B, C, h, w) to images (B, C, H, W) that are larger."""
        h = self.joined(self.input(self.encoder(z), condition))
        for block in self.blocks:
            h = block(h, condition)
        h = self.up(h)[:, :, : self._sides[0], : self._sides[1]]
        images: Tensor = self.output(h)
        return images


def _conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, bias=False)
