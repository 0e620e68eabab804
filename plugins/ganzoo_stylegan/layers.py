"""The layers of StyleGAN2, in plain operations of torch (Karras et al. 2020, arXiv 1912.04958)."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import Batchwise, Layers
from ganzoo_stylegan.resampling import smoothed

SLOPE = 0.2
MAKE = Layers("equalised")


@final
class Activation(nn.Module):
    """√2 · leaky ReLU, which keeps the variance, limited to ±``clamp``·``gain`` and multiplied by ``gain``."""

    def __init__(self, clamp: float = 0.0, gain: float = 1.0):
        super().__init__()
        self._gain, self._limit = gain * math.sqrt(2.0), gain * clamp

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to itself."""
        return limited(F.leaky_relu(x, SLOPE) * self._gain, self._limit)


def limited(x: Tensor, limit: float) -> Tensor:
    """Return x, limited to ±``limit`` if that is not 0."""
    return x.clamp(-limit, limit) if limit else x


@final
class ModulatedConv(nn.Module):
    """A convolution whose weights are scaled for each example: by a style, and then to keep the variance.

    With s (B, I) the style, output o of an example is conv(s·x, w)ₒ / √(Σᵢₖ (sᵢ wₒᵢₖ)² + ε), equations 1 and 3. Scaling
    the activations before and after one convolution for all examples computes the same. Without ``demodulate`` nothing
    is divided. With ``double`` the sides double, and the filter follows.
    """

    def __init__(self, before: int, after: int, size: int, style: int, demodulate: bool = True, double: bool = False):
        super().__init__()
        self._demodulate, self._double, self._scale = demodulate, double, 1.0 / math.sqrt(before * size**2)
        self.style = MAKE.linear(style, before, gain=1.0)
        nn.init.ones_(self.style.bias)
        self.weight = nn.Parameter(torch.randn(after, before, size, size))

    def forward(self, x: Tensor, w: Tensor, sides: tuple[int, int]) -> Tensor:
        """Map (B, I, h, w) and the styles w (B, S) to (B, O, \\*sides)."""
        style, weight = self.style(w), self.weight * self._scale
        x = x * style[:, :, None, None]
        if self._double:
            h = smoothed(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), sides)
        else:
            h = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        if not self._demodulate:
            return h
        squares = style.float().square() @ weight.square().sum((2, 3)).T
        demodulated: Tensor = h * (squares + 1e-8).rsqrt()[:, :, None, None]
        return demodulated


@final
class Noise(nn.Module):
    """Adds noise to every place, the same for all channels, with a learnt strength that begins as 0.

    It is new for each pass in training, and fixed in evaluation, so that an image depends on its z alone.
    """

    fixed: Tensor

    def __init__(self, sides: tuple[int, int]):
        super().__init__()
        self.register_buffer("fixed", torch.randn(sides))
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to itself."""
        noise = torch.randn(len(x), 1, *x.shape[2:], device=x.device) if self.training else self.fixed
        return x + self.strength * noise


@final
class MinibatchDeviation(Batchwise):
    """Appends one channel: how much the examples of a group differ, the mean of all their standard deviations.

    A group is ``group`` examples that follow each other, or fewer if they do not divide a batch (Karras et al. 2018,
    arXiv 1710.10196, section 3). So a discriminator sees whether fakes are all alike.
    """

    def __init__(self, group: int):
        super().__init__()
        self.pack = group

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, C + 1, H, W)."""
        count = len(x)
        group = math.gcd(count, self.pack)
        variance = x.float().unflatten(0, (count // group, group)).var(1, unbiased=False)
        mean = (variance + 1e-8).sqrt().mean((1, 2, 3))
        planes = mean.repeat_interleave(group).view(-1, 1, 1, 1).expand(-1, 1, *x.shape[2:])
        return torch.cat([x, planes.to(x.dtype)], dim=1)
