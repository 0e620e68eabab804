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
        stays = torch.rand(x.shape) >= self.p
        return x * stays.to(x.dtype).mul_(1.0 / (1.0 - self.p))

    def extra_repr(self) -> str:
        """Return what a printed network says of it."""
        return f"p={self.p}"
