"""Signals that ask a process to end, and who answers them."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ganzoo.errors import Interrupted

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name))
SIGNALLED = 128  # plus the signal's number: the exit status of what a signal ended; 130 for SIGINT, 143 for SIGTERM


@contextmanager
def answered(answer: Callable[[int], None]) -> Iterator[None]:
    """Call ``answer`` with the number of each signal that asks to end, while the block runs.

    Only the main thread can. A signal that is ignored stays ignored, as SIGHUP does under ``nohup``.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = [number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, lambda number, _: answer(number)) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_heard: list[int] = []  # the signals since the innermost interruptible block began


@contextmanager
def interruptible() -> Iterator[None]:
    """Let every signal that asks to end raise :class:`Interrupted`, at once, while the block runs."""
    _heard.clear()
    with answered(_interrupt):
        try:
            yield
        except Exception:
            # Libraries that are interrupted in their C code may raise an error of their own for it.
            raise_overdue()
            raise


def raise_overdue() -> None:
    """Raise :class:`Interrupted` where one was raised before and a library has swallowed it."""
    if _heard:
        raise Interrupted(_heard[0]) from None


def _interrupt(number: int) -> None:
    _heard.append(number)
    raise Interrupted(number)
