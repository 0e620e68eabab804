"""Which device computes."""

from __future__ import annotations

import torch

from ganzoo.errors import UserError
from ganzoo.step.processes import place


def choose_device(name: str) -> torch.device:
    """Return the device called ``name``; ``auto`` takes CUDA, then MPS, then the CPU.

    Each of several processes takes the GPU of its number; MPS is for one process.
    Raises :class:`UserError` where the device is not there.
    """
    alone = place().size == 1
    there = {"cuda": torch.cuda.is_available(), "mps": alone and torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return _own(torch.device(next(kind for kind, found in there.items() if found)))
    if not there[name]:
        have = " or ".join(f"--device {kind}" for kind, found in there.items() if found)
        raise UserError(
            f"device {name!r} was asked for and this torch finds none here: use {have}, or see `ganzoo doctor`"
        )
    return _own(torch.device(name))


def _own(device: torch.device) -> torch.device:
    if device.type != "cuda":
        return device
    number = place().local
    if number >= torch.cuda.device_count():
        raise UserError(
            f"process {number} of this machine finds no GPU: it has {torch.cuda.device_count()}, so start as many "
            "processes (torchrun --nproc-per-node), or use --device cpu"
        )
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
