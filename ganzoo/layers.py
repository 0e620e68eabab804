"""Layers that networks share."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@final
class Dropout(nn.Module):
    """Sets a share ``p`` of the numbers to zero while training, and scales the others up (Srivastava et al. 2014).

    The same as torch's, which on the CPU takes several times as long to draw which numbers stay.
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to itself."""
        if not self.training or self.p == 0.0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        # Four numbers of 16 bits from each draw of 64: what takes the time is the drawing.
        drawn = torch.randint(-(2**63), 2**63 - 1, (-(-x.numel() // 4),)).view(torch.int16)[: x.numel()]
        stays = drawn.view(x.shape) >= round(self.p * 2**16) - 2**15
        return x * stays.to(x.dtype).mul_(1.0 / (1.0 - self.p))

    def extra_repr(self) -> str:
        """Return what a printed network says of it."""
        return f"p={self.p}"
