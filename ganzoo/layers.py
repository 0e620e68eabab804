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


def unit_square(x: Tensor) -> Tensor:
    """Return x (B, F), scaled in each row to a mean square of 1 (pixel norm; arXiv 1710.10196, section 4.2).

    >>> unit_square(torch.tensor([[3.0, 4.0]])).square().mean().round(decimals=4)
    tensor(1.)
    """
    return x * (x.square().mean(dim=1, keepdim=True) + 1e-8).rsqrt()


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


@final
class ClampedInEvaluation(nn.Module):
    """A linear output, for generators whose training needs a gradient outside of [-1, 1] too."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x of any shape; in evaluation mode, limited to [-1, 1]."""
        return x if self.training else x.clamp(-1.0, 1.0)


Output = Literal["tanh", "sigmoid", "linear"]
"""The last layer of a generator of bounded data; ``linear`` is clamped in evaluation mode only."""


def output_activation(name: Output) -> nn.Module:
    """Return the last layer of a generator of bounded data, such as images: its output lies in [-1, 1].

    That of ``linear`` does so in evaluation mode.

    >>> output_activation("sigmoid")(torch.zeros(2))
    tensor([0., 0.])
    >>> output_activation("linear").eval()(torch.tensor([-3.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    layers: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "sigmoid": RescaledSigmoid, "linear": ClampedInEvaluation}
    return layers[name]()


def map_sides(sides: Sequence[int], halvings: int) -> list[tuple[int, int]]:
    """Return (H, W) of an image and of its feature maps, each half as large as the one before, rounded up.

    So networks that halve maps, or double and crop them, take images of any size.

    >>> map_sides((28, 32), 3)
    [(28, 32), (14, 16), (7, 8), (4, 4)]
    """
    height, width = sides
    return [(-(-height // 2**depth), -(-width // 2**depth)) for depth in range(halvings + 1)]


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
