"""Which device computes."""

from __future__ import annotations

import torch

from ganzoo.errors import UserError


def choose_device(name: str) -> torch.device:
    """Return the device called ``name``; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises :class:`UserError` where the device is not there.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    if not there[name]:
        have = " or ".join(f"--device {kind}" for kind, found in there.items() if found)
        raise UserError(
            f"device {name!r} was asked for and this torch finds none here: use {have}, or see `ganzoo doctor`"
        )
    return torch.device(name)
