"""Self-attention over the places of a feature map."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import Layers


@final
class SelfAttention(nn.Module):
    """x + γ · o, where o gathers values from all places, with γ = 0 at first: the layer begins as the identity.

    With queries θ(x) and keys φ(x) of C/8 channels and values g(x) of C/2, o = W softmax(θᵀφ) g, and the softmax runs
    over the keys. Keys and values are those of 2×2 places, the larger of which counts. All maps are convolutions of
    size 1 without bias. Source: Zhang et al. 2019, arXiv 1805.08318, section 3, in the form of the authors' code.
    """

    def __init__(self, channels: int, make: Layers):
        super().__init__()
        narrow, half = max(channels // 8, 1), max(channels // 2, 1)
        self.query = make.conv(channels, narrow, 1, bias=False, gain=1.0)
        self.key = make.conv(channels, narrow, 1, bias=False, gain=1.0)
        self.value = make.conv(channels, half, 1, bias=False, gain=1.0)
        self.output = make.conv(half, channels, 1, bias=False, gain=1.0)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to itself."""
        queries = self.query(x).flatten(2)
        keys = _pooled(self.key(x)).flatten(2)
        values = _pooled(self.value(x)).flatten(2)
        # Written out, as torch's fused attention has no second derivative, which gradient penalties need.
        attention = torch.softmax(queries.transpose(1, 2) @ keys, dim=2)  # (B, places, keys)
        gathered = (values @ attention.transpose(1, 2)).unflatten(2, x.shape[2:])
        attended: Tensor = x + self.gamma * self.output(gathered)
        return attended


def _pooled(x: Tensor) -> Tensor:
    """Return the largest of each 2×2 places; an odd side has half of them at its end."""
    return F.max_pool2d(x, 2, ceil_mode=True)
