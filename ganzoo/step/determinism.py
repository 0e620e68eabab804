"""Deterministic algorithms: results that are equal to the bit in every run, at the price of speed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"  # without it, matrix products on NVIDIA GPUs may differ from run to run


@contextmanager
def deterministic(enabled: bool) -> Iterator[None]:
    """In the block, make torch use deterministic algorithms, and raise for operations without one, if ``enabled``."""
    if not enabled:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    workspace = os.environ.get(_WORKSPACE)
    os.environ.setdefault(_WORKSPACE, ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False  # the fastest convolution may differ from run to run
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]
        if workspace is None:
            del os.environ[_WORKSPACE]
