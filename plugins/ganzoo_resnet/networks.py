"""The residual networks of SNGAN, SAGAN and BigGAN for small images, for any size and number of channels.

No activation works in place: in a block that activates its input, the path around the block needs the input as it is.
"""

from __future__ import annotations

import math
from typing import final

from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import (
    Conditioner,
    Discriminator,
    DiscriminatorOutput,
    Field,
    Generator,
    Layers,
    Shape,
    Sites,
    is_equalised,
    map_sides,
)
from ganzoo_resnet.attention import SelfAttention
from ganzoo_resnet.configs import ResNetDiscriminatorConfig, ResNetGeneratorConfig

Sides = tuple[int, int]


@final
class UpBlock(nn.Module):
    """Norm, ReLU, doubled, convolution, norm, ReLU, convolution; around it doubled and a convolution of size 1.

    Maps (B, C, h, w) to (B, C', H, W), where H is 2·h or 2·h - 1, and W likewise.
    """

    def __init__(
        self,
        config: ResNetGeneratorConfig,
        channels: tuple[int, int],
        sides: tuple[Sides, Sides],
        noise: Shape,
        sites: Sites,
    ):
        super().__init__()
        (before, after), (small, self._large), make = channels, sides, Layers(config.weights)
        self.block1 = sites.at("block", (before, *small), noise, normalised=True)
        self.norm1 = self.block1.norm_before(nn.BatchNorm2d(before, config.norm_eps, config.norm_momentum))
        self.conv1 = make.conv(self.block1.out_shape[0], after, 3, padding=1)
        self.block2 = sites.at("block", (after, *self._large), noise, normalised=True)
        self.norm2 = self.block2.norm_before(nn.BatchNorm2d(after, config.norm_eps, config.norm_momentum))
        self.conv2 = make.conv(self.block2.out_shape[0], after, 3, padding=1)
        self.shortcut = make.conv(before, after, 1, gain=1.0)

    def forward(self, x: Tensor, condition: Tensor | None, z: Tensor) -> Tensor:
        """Return the larger map; z is (B, Z)."""
        h = self.conv1(self._doubled(F.relu(self.block1(self.norm1(x), condition, z))))
        h = self.conv2(F.relu(self.block2(self.norm2(h), condition, z)))
        added: Tensor = h + self.shortcut(self._doubled(x))
        return added

    def _doubled(self, x: Tensor) -> Tensor:
        height, width = self._large
        return F.interpolate(x, scale_factor=2.0)[..., :height, :width]


@final
class ResNetGenerator(Generator):
    """Noise (B, Z) → linear (widths[0], h, w) → a block for each doubling → batch norm, ReLU, convolution, tanh.

    The last batch norm is unconditional. Sources: Miyato & Koyama 2018, arXiv 1802.05637, and Brock et al. 2019,
    arXiv 1809.11096, appendix B; with self-attention Zhang et al. 2019, arXiv 1805.08318.
    """

    def __init__(self, config: ResNetGeneratorConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        make, noise, first = Layers(config.weights), (math.prod(in_shape),), config.widths[0]
        sides = map_sides(out.shape[1:], len(config.widths))[::-1]
        self._start = (first, *sides[0])
        self.input = sites.at("input", noise, noise)
        self.dense = make.linear(math.prod(self.input.out_shape), math.prod(self._start), gain=1.0)
        channels = [first, *config.widths]
        self.blocks, self.attentions = nn.ModuleList(), nn.ModuleList()
        for number, after in enumerate(config.widths):
            pair = (channels[number], after), (sides[number], sides[number + 1])
            self.blocks.append(UpBlock(config, *pair, noise, sites))
            self.attentions.append(SelfAttention(after, make) if number + 1 == config.attention else nn.Identity())
        self.norm = nn.BatchNorm2d(channels[-1], config.norm_eps, config.norm_momentum)
        self.output = make.conv(channels[-1], out.shape[0], 3, padding=1, gain=1.0)
        glorot(self)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, C, H, W)."""
        z = z.flatten(1)
        h = self.dense(self.input(z, condition, z)).unflatten(1, self._start)
        for block, attention in zip(self.blocks, self.attentions, strict=True):
            h = attention(block(h, condition, z))
        images: Tensor = F.tanh(self.output(F.relu(self.norm(h))))
        return images


@final
class DownBlock(nn.Module):
    """ReLU, convolution, ReLU, convolution, and halved if ``halve``; around it a convolution of size 1, and halved.

    The ``first`` block has no ReLU at its input, which is an image, and halves before the convolution around it. A
    block that changes neither channels nor sides has no convolution around it.
    """

    def __init__(self, channels: tuple[int, int], make: Layers, first: bool, halve: bool):
        super().__init__()
        before, after = channels
        self._first, self._halve = first, halve
        self.conv1 = make.conv(before, after, 3, padding=1)
        self.conv2 = make.conv(after, after, 3, padding=1)
        self.shortcut = make.conv(before, after, 1, gain=1.0) if halve or before != after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C', H', W'), with ⌈H/2⌉ and ⌈W/2⌉ if it halves."""
        h = self.conv2(F.relu(self.conv1(x if self._first else F.relu(x))))
        around = self.shortcut(self._halved(x)) if self._first else self._halved(self.shortcut(x))
        added: Tensor = self._halved(h) + around
        return added

    def _halved(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2, ceil_mode=True, count_include_pad=False) if self._halve else x


@final
class ResNetDiscriminator(Discriminator):
    """Images (B, C, H, W) → residual blocks → ReLU → the sum over all places, the features (B, F) → linear → logit.

    Sources: those of :class:`ResNetGenerator`. It has no norm, so that it takes gradient penalties.
    """

    def __init__(self, config: ResNetDiscriminatorConfig, in_shape: Shape, sites: Sites):
        super().__init__()
        make = Layers(config.weights)
        self.input = sites.at("input", in_shape)
        channels = [self.input.out_shape[0], *config.widths]
        self.blocks, self.attentions = nn.ModuleList(), nn.ModuleList()
        for number, after in enumerate(config.widths):
            pair = channels[number], after
            self.blocks.append(DownBlock(pair, make, first=number == 0, halve=number < config.halvings))
            self.attentions.append(SelfAttention(after, make) if number + 1 == config.attention else nn.Identity())
        self.feature_width = channels[-1]
        self.head = sites.at("head", (self.feature_width,))
        self.output = make.linear(math.prod(self.head.out_shape), 1, bias=config.output_bias, gain=1.0)
        self.logit = sites.at("logit", (1,), features=(self.feature_width,))
        glorot(self)

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, C, H, W) to one logit (B, 1) and the features (B, F)."""
        h = self.input(x, condition)
        for block, attention in zip(self.blocks, self.attentions, strict=True):
            h = attention(block(h))
        features = F.relu(h).sum((2, 3))
        logit = self.output(self.head(features, condition))
        return DiscriminatorOutput(self.logit(logit, condition, features=features), features)


def glorot(network: nn.Module) -> None:
    """Set weights to Glorot-uniform ones, with gain √2 in convolutions of size 3 between ReLUs, and biases to 0.

    Those are the published weights of SNGAN; an initialiser replaces them. The layer that makes the image has gain 1,
    and conditioners initialise themselves.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.Linear | nn.Conv2d) and not is_equalised(child):
            within = isinstance(child, nn.Conv2d) and child.kernel_size == (3, 3) and name != "output"
            nn.init.xavier_uniform_(child.weight, math.sqrt(2.0) if within else 1.0)
            if child.bias is not None:
                nn.init.zeros_(child.bias)
        elif not isinstance(child, Conditioner):
            glorot(child)
