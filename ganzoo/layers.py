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
    """Sets each number to zero with probability ``p`` in training, and multiplies the others by 1 / (1 - p).

    Source: Srivastava et al. 2014, Dropout. Equivalent to ``torch.nn.Dropout``, whose random mask takes several times
    as long on the CPU; ``p`` is rounded to a multiple of 2⁻¹⁶ there.

    >>> Dropout(0.5).eval()(torch.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Return x of any shape with some of its numbers set to zero; in evaluation mode, return x."""
        if not self.training or self.p == 0.0:
            return x
        if x.device.type != "cpu":
            return F.dropout(x, self.p)
        # Drawing takes most of the time, so each draw of 64 bits gives four numbers of 16 bits.
        drawn = torch.randint(-(2**63), 2**63 - 1, (-(-x.numel() // 4),)).view(torch.int16)[: x.numel()]
        kept = drawn.view(x.shape) >= round(self.p * 2**16) - 2**15
        return x * kept.to(x.dtype).mul_(1.0 / (1.0 - self.p))

    def extra_repr(self) -> str:
        """Return the options of the layer, for a printed network."""
        return f"p={self.p}"


Embedding = nn.Embedding | nn.Linear | nn.EmbeddingBag
"""A learnt map from a condition to a vector."""


def embedding(condition: Field, size: int, deviation: float = 1.0, mean: float = 0.0) -> Embedding:
    """Return a learnt map from conditions (B, …) to vectors (B, size), with initial outputs around ``mean``.

    A class has a row of its own; a vector is mapped linearly; a caption is the mean of its words' rows. The initial
    weights are N(mean, deviation²). Raises ``ValueError`` if ``condition`` has another kind.

    >>> layer = embedding(Field("class", classes=10), size=128)
    >>> layer(torch.tensor([3, 7])).shape
    torch.Size([2, 128])
    """
    if condition.kind not in _BUILDERS:
        raise ValueError(f"{condition.describe()} have no embedding; only {', '.join(_BUILDERS)} have one")
    layer = _BUILDERS[condition.kind](condition, size)
    if isinstance(layer, nn.Linear):
        # The entries of a vector can have any sum, so the bias sets the mean of the outputs, not the weights.
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
