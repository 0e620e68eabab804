"""Layers that networks and conditioners share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd


def weight_matrices(network: nn.Module) -> Sequence[Tensor]:
    """Return the weights of the linear and convolutional layers of ``network``, as matrices (outputs, inputs).

    The inputs of a convolution are those of all places of its kernel. A transposed convolution has its outputs on the
    second axis of its weight.

    >>> [tuple(w.shape) for w in weight_matrices(nn.Sequential(nn.Linear(3, 5), nn.ConvTranspose2d(2, 7, 4)))]
    [(5, 3), (7, 32)]
    """
    layers = (layer for layer in network.modules() if isinstance(layer, nn.Linear | _ConvNd))
    return [weight_matrix(layer.weight, isinstance(layer, _ConvTransposeNd)) for layer in layers]


def weight_matrix(weight: Tensor, transposed: bool = False) -> Tensor:
    """Return a weight (outputs, inputs, …), or (inputs, outputs, …) if ``transposed``, as a matrix (outputs, F)."""
    return (weight.transpose(0, 1) if transposed else weight).flatten(1)


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return a context without autocast: squared gradients and norms need the full precision."""
    available = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if available else nullcontext()


def join_packs(x: Tensor, pack: int) -> Tensor:
    """Return packs (B / pack, pack · C, …) of examples (B, C, …) that follow each other, beside each other.

    >>> join_packs(torch.tensor([[1], [2], [3], [4]]), 2)
    tensor([[1, 2],
            [3, 4]])
    """
    return x if pack == 1 else x.unflatten(0, (-1, pack)).flatten(1, 2)


def repeat_packs(x: Tensor, pack: int) -> Tensor:
    """Return what belongs to packs (B / pack, …) for each of their examples: (B, …)."""
    return x if pack == 1 else x.repeat_interleave(pack, 0)


@final
class RescaledSigmoid(nn.Module):
    """2σ(a) − 1: a sigmoid output for data in [-1, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """Map any shape to itself."""
        return torch.sigmoid(x).mul(2).sub(1)


def output_activation(name: Literal["tanh", "sigmoid"]) -> nn.Module:
    """Return the last layer of a generator of bounded data, such as images: its output lies in [-1, 1].

    >>> output_activation("sigmoid")(torch.zeros(2))
    tensor([0., 0.])
    """
    return nn.Tanh() if name == "tanh" else RescaledSigmoid()


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
