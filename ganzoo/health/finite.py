"""Whether numbers are numbers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def first_non_finite(tensors: Mapping[str, Tensor]) -> str:
    """Return the name of the first tensor that holds infinities or no numbers, or an empty name."""
    for name, value in tensors.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            return name
    return ""
