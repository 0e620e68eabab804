"""Handling of the signals that end a process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ganzoo.errors import Interrupted

# Windows has SIGINT, SIGTERM and SIGBREAK, which Ctrl-Break sends and a console that is closed.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGBREAK")
ENDING = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
SIGNALLED = 128  # plus the number of the signal: the exit status after a signal; 130 for SIGINT, 143 for SIGTERM


@contextmanager
def answered(answer: Callable[[int], None]) -> Iterator[None]:
    """Call ``answer`` with the number of each ending signal while the block runs.

    This has an effect in the main thread only. A signal that is ignored, as SIGHUP under ``nohup``, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handled = [number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    before = {number: signal.signal(number, lambda number, _: answer(number)) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_received: list[int] = []  # the signals since the innermost interruptible block began


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise :class:`Interrupted` at once on each ending signal while the block runs."""
    _received.clear()
    with answered(_interrupt):
        try:
            yield
        except Exception:
            # A library that is interrupted in its C code may raise an error of its own instead.
            raise_overdue()
            raise


def raise_overdue() -> None:
    """Raise :class:`Interrupted` again if a library caught and dropped an earlier one."""
    if _received:
        raise Interrupted(_received[0]) from None


def _interrupt(number: int) -> None:
    _received.append(number)
    raise Interrupted(number)
