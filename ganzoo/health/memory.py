"""Running out of memory, in words that say what to change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import first_line
from ganzoo.training.checkpoints import what_stands

# What torch says on a CPU and on Apple's GPUs, where it raises nothing more telling than RuntimeError.
_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


@contextmanager
def memory_told(settings: RunSettings, device: torch.device, folder: RunFolder) -> Iterator[None]:
    """Raise :class:`TrainingFailed` where the block runs out of memory: what was asked for, and what is kept."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        if not is_out_of_memory(problem):
            raise
        parts, stands = 2 * settings.accumulate, what_stands(folder.checkpoints)
        raise TrainingFailed(
            f"out of memory on {device} with batches of {settings.batch_size} ({first_line(problem)}): give a smaller "
            f"--batch-size, or --accumulate {parts} to compute each batch in {parts} passes; {stands}"
        ) from problem


@contextmanager
def too_many_told(what: str, device: torch.device) -> Iterator[None]:
    """Raise :class:`UserError` where the block runs out of memory for ``what``, of which less can be asked for."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        if not is_out_of_memory(problem):
            raise
        raise UserError(f"out of memory on {device} with {what} ({first_line(problem)}): ask for fewer") from problem


def is_out_of_memory(problem: Exception) -> bool:
    """Return whether a problem is one of too little memory."""
    known = isinstance(problem, MemoryError | torch.OutOfMemoryError)
    return known or any(words in str(problem).lower() for words in _WORDS)
