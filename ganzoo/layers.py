"""Layers that networks and conditioners share."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ganzoo.catalogue.data import Field


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


Embedding = nn.Embedding | nn.Linear | nn.EmbeddingBag


def embedding(condition: Field, size: int, deviation: float = 1.0, mean: float = 0.0) -> Embedding:
    """Return a learnt map from conditions (B, …) to (B, size), whose answers begin around ``mean``.

    A class looks up its row; a vector is mapped linearly; a caption is the mean of its words' rows. Raises
    ``ValueError`` for a condition of another kind.
    """
    if condition.kind not in _BUILDERS:
        raise ValueError(f"{condition.describe()} have no embedding; only {', '.join(_BUILDERS)} have one")
    layer = _BUILDERS[condition.kind](condition, size)
    if isinstance(layer, nn.Linear):
        # A vector has any number of ones in it, so the mean of its sum of rows is a bias.
        nn.init.normal_(layer.weight, 0.0, deviation)
        nn.init.constant_(layer.bias, mean)
    else:
        nn.init.normal_(layer.weight, mean, deviation)
    return layer


def _of_class(condition: Field, size: int) -> nn.Embedding:
    return nn.Embedding(condition.classes, size)


def _of_vector(condition: Field, size: int) -> nn.Linear:
    return nn.Linear(condition.size, size)


def _of_caption(condition: Field, size: int) -> nn.EmbeddingBag:
    return nn.EmbeddingBag(max(len(condition.names), 1), size, mode="mean", padding_idx=0)


_BUILDERS: dict[str, Callable[[Field, int], Embedding]] = {
    "class": _of_class,
    "vector": _of_vector,
    "tokens": _of_caption,
}
