"""Gradients with respect to the input of a network, themselves differentiable, for penalties."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganzoo.layers import without_autocast


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor, keeps_statistics: bool) -> Tensor:
    """Return d(sum of function(x)) / dx as rows (B, F), itself differentiable, in float32 or better.

    ``keeps_statistics`` says whether a call of ``function`` changes buffers.
    """
    point = at_least_float32(x.detach())
    # Compiled code has no second derivatives of autograd.grad. It has those of func.grad, which cannot differentiate
    # layers that keep statistics.
    if not torch.compiler.is_compiling():
        return _gradient(function, point).flatten(1)
    uncompiled = torch.compiler.disable(_gradient)
    return (uncompiled if keeps_statistics else _functional_gradient)(function, point).flatten(1)


def _gradient(function: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    point.requires_grad_(True)
    with without_autocast(point.device):
        (gradient,) = torch.autograd.grad(function(point).sum(), point, create_graph=True)
    return gradient


def _functional_gradient(function: Callable[[Tensor], Tensor], point: Tensor) -> Tensor:
    with without_autocast(point.device):
        gradient: Tensor = torch.func.grad(lambda x: function(x).sum())(point)
    return gradient


def at_least_float32(x: Tensor) -> Tensor:
    """Return x in its own precision, or in float32 where that is lower."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
