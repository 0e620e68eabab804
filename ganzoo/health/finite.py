"""Checks that numbers are finite."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.errors import TrainingFailed


def first_non_finite(tensors: Mapping[str, Tensor]) -> str:
    """Return the name of the first tensor with an infinite number or NaN, or an empty name.

    >>> first_non_finite({"weight": torch.ones(2), "bias": torch.tensor([float("nan")])})
    'bias'
    """
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            return name
    return ""


def refuse_non_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raise :class:`TrainingFailed` if a tensor is not finite: no training could continue from such a checkpoint."""
    if broken := first_non_finite(tensors):
        raise TrainingFailed(
            f"{broken} is not finite after step {step}, and is not saved: lower the learning rates, or choose another "
            "loss or penalty; earlier checkpoints are kept"
        )
