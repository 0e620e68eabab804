"""The choice of the device that computes."""

from __future__ import annotations

import os

import torch

from ganzoo.errors import UserError
from ganzoo.step.processes import process_rank

# cuBLAS reads this once in a process, at its first product: without it, products may differ from run to run.
_CUBLAS_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG", ":4096:8"


def choose_device(name: str) -> torch.device:
    """Return the device called ``name``; ``auto`` takes CUDA, then MPS, then the CPU.

    Of several processes on one machine, each takes the GPU of its local rank; MPS is for one process.
    Raises :class:`UserError` if the device is not available.
    """
    single = process_rank().size == 1
    available = {"cuda": torch.cuda.is_available(), "mps": single and torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return _of_this_process(torch.device(next(kind for kind, found in available.items() if found)))
    if not available[name]:
        flags = " or ".join(f"--device {kind}" for kind, found in available.items() if found)
        raise UserError(f"torch finds no device {name!r} on this machine: use {flags}, or see `ganzoo doctor`")
    return _of_this_process(torch.device(name))


def _of_this_process(device: torch.device) -> torch.device:
    if device.type != "cuda":
        return device
    number = process_rank().local
    if number >= torch.cuda.device_count():
        raise UserError(
            f"process {number} of this machine has no GPU of its own: the machine has {torch.cuda.device_count()}, so "
            "start as many processes (torchrun --nproc-per-node), or use --device cpu"
        )
    os.environ.setdefault(*_CUBLAS_WORKSPACE)
    torch.cuda.set_device(number)
    return torch.device("cuda", number)
