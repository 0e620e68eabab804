"""Out-of-memory errors with a message that says what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ganzoo.errors import UserError
from ganzoo.text import first_line

# On CPUs, on Apple's GPUs and from NVIDIA's libraries torch raises a plain RuntimeError with one of these phrases.
_PHRASES = ("out of memory", "can't allocate memory", "not enough memory", "status_alloc_failed")


@contextmanager
def explain_out_of_memory(explain: Callable[[str], Exception]) -> Iterator[None]:
    """If the block runs out of memory, raise the exception that ``explain`` returns for torch's message.

    Where the code of a plugin ran out of it, the plugin is not at fault.
    """
    try:
        yield
    except (MemoryError, RuntimeError, UserError) as problem:
        origin = problem.__cause__ if isinstance(problem, UserError) else problem
        if not isinstance(origin, Exception) or not is_out_of_memory(origin):
            raise
        raise explain(first_line(origin)) from problem


@contextmanager
def advise_fewer(what: str, device: torch.device) -> Iterator[None]:
    """If the block runs out of memory, raise :class:`UserError` that says to use fewer; ``what`` is "500 samples"."""
    with explain_out_of_memory(
        lambda message: UserError(f"out of memory on {device} with {what} ({message}): use fewer")
    ):
        yield


def is_out_of_memory(problem: Exception) -> bool:
    """Return whether an exception means too little memory.

    >>> is_out_of_memory(RuntimeError("CUDA error: out of memory")), is_out_of_memory(RuntimeError("shape mismatch"))
    (True, False)
    """
    known = isinstance(problem, MemoryError | torch.OutOfMemoryError)
    return known or any(phrase in str(problem).lower() for phrase in _PHRASES)
