"""Deterministic algorithms: results that are equal to the bit in every run, at the price of speed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def deterministic(enabled: bool) -> Iterator[None]:
    """In the block, make torch use deterministic algorithms, and raise for operations without one, if ``enabled``."""
    if not enabled:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    settings: Any = torch.utils.deterministic
    filling = settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True)
    settings.fill_uninitialized_memory = False  # nothing here reads memory before it writes it
    torch.backends.cudnn.benchmark = False  # the fastest convolution may differ from run to run
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
        settings.fill_uninitialized_memory = filling
