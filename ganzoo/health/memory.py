"""Running out of memory, in words that say what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ganzoo.errors import UserError
from ganzoo.text import first_line

# What torch says on a CPU and on Apple's GPUs, where it raises nothing more telling than RuntimeError.
_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


@contextmanager
def out_of_memory_explained(explain: Callable[[str], Exception]) -> Iterator[None]:
    """Raise what ``explain`` makes of torch's words where the block runs out of memory."""
    try:
        yield
    except (MemoryError, RuntimeError) as problem:
        if not is_out_of_memory(problem):
            raise
        raise explain(first_line(problem)) from problem


@contextmanager
def fewer_advised(what: str, device: torch.device) -> Iterator[None]:
    """Raise :class:`UserError` where the block runs out of memory for ``what``, of which less can be asked for."""
    with out_of_memory_explained(
        lambda said: UserError(f"out of memory on {device} with {what} ({said}): ask for fewer")
    ):
        yield


def is_out_of_memory(problem: Exception) -> bool:
    """Return whether a problem is one of too little memory."""
    known = isinstance(problem, MemoryError | torch.OutOfMemoryError)
    return known or any(words in str(problem).lower() for words in _WORDS)
