"""Worker processes that read data ahead: how they handle signals and memory."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ganzoo.signals import ENDING

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h: bytes from which memory goes back to the system when it is freed


@contextmanager
def signals_blocked() -> Iterator[None]:
    """Block the signals that end a process, in processes that the block starts, until :func:`init_worker` runs there.

    Before it runs, a worker has the handlers of its parent, and would raise in the middle of its start.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def init_worker(worker: int) -> None:
    """Leave the process group and the parent's signal handlers, and return the memory of sent batches to the system.

    A signal to the group is for the trainer, and must not end its workers; a signal to a worker ends that worker.
    By default, glibc keeps the memory of large batches, so that the size of a worker would depend on chance.
    """
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    if hasattr(signal, "pthread_sigmask"):
        for handler in (signal.SIG_IGN, signal.SIG_DFL):  # SIG_IGN drops pending signals: they were for the trainer
            for number in ENDING:
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every C library has it
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**17)
