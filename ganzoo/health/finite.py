"""Whether numbers are finite."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganzoo.errors import TrainingFailed


def first_non_finite(tensors: Mapping[str, Tensor]) -> str:
    """Return the name of the first tensor that holds infinities or no numbers, or an empty name."""
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            return name
    return ""


def refuse_non_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raise :class:`TrainingFailed` rather than save what nobody could go on from."""
    if broken := first_non_finite(tensors):
        raise TrainingFailed(
            f"{broken} is not finite after step {step}, and is not saved: lower the learning rates, or choose another "
            "loss or penalty; saves made before stand"
        )
