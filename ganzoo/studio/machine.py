"""The peak rates of this machine: of matrix products, and of copies."""

from __future__ import annotations

import os
import platform
import re
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ganzoo.errors import UserError
from ganzoo.step.precision import PROCESSOR, Precision, choose_precision

PRECISIONS = ("fp32", "tf32", "bf16")
SECONDS = 0.3  # for the repetitions of one measurement
REPETITIONS = 3, 30  # at least and at most


@dataclass(frozen=True)
class Machine:
    """``matrix_rates`` are FLOP/s by precision; ``copy_rate`` is bytes/s, read and written together."""

    processor: str
    cores: int
    threads: int
    torch: str
    device: str
    matrix_rates: Mapping[str, float]
    copy_rate: float


def measure_machine(device: torch.device) -> Machine:
    """Return the rates of the machine on ``device``; takes a second or two."""
    return Machine(
        _processor(),
        os.cpu_count() or 1,
        torch.get_num_threads(),
        torch.__version__,
        torch.cuda.get_device_name(device) if device.type == "cuda" else f"{device}",
        {precision.name: matrix_rate(precision) for precision in _precisions(device)},
        copy_rate(device),
    )


def matrix_rate(precision: Precision, size: int = 0) -> float:
    """Return the FLOP/s of products of square matrices in ``precision``, 2·size³ each.

    The default size is large enough to keep the device busy.
    """
    device = precision.device
    size = size or (1024 if device.type == "cpu" else 8192)
    dtype = torch.bfloat16 if precision.casts else torch.float32
    left, right = (torch.randn(size, size, generator=torch.Generator().manual_seed(side)) for side in (0, 1))
    left, right = left.to(device, dtype), right.to(device, dtype)
    made = torch.empty_like(left)
    with precision.set():
        return 2 * size**3 / median_seconds(lambda: torch.mm(left, right, out=made), device)


def copy_rate(device: torch.device, size: int = 0) -> float:
    """Return the bytes/s, read and written, of copies of ``size`` bytes within the memory of ``device``.

    The default size is larger than the caches of most machines.
    """
    size = size or (2**28 if device.type == "cpu" else 2**30)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / median_seconds(lambda: target.copy_(source), device)


def median_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the median time of repetitions of ``work`` in seconds, without the first one."""
    work()
    times: list[float] = []
    least, most = REPETITIONS
    while len(times) < least or (len(times) < most and sum(times) < SECONDS):
        wait_for(device)
        began = time.perf_counter()
        work()
        wait_for(device)
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def wait_for(device: torch.device) -> None:
    """Wait until ``device`` has finished all operations."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _precisions(device: torch.device) -> list[Precision]:
    found = []
    for name in PRECISIONS:
        try:
            found.append(choose_precision(name, device))
        except UserError:
            continue
    return found


def _processor() -> str:
    try:
        told = re.search(r"^model name\s*:\s*(.+)$", PROCESSOR.read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        told = None
    return told.group(1).strip() if told else platform.processor() or platform.machine()
