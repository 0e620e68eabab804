"""Processes that read data ahead, and what signals and memory are to them."""

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
def unheard() -> Iterator[None]:
    """Keep signals that ask to end from processes that are started here, until :func:`begin_work` has answered them.

    In between they have their parent's handlers, and would be interrupted in their first lines.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_work(worker: int) -> None:
    """Leave the process group and the parent's handlers, and let go of the memory of batches that were handed over.

    A signal to the group is the trainer's to answer, not its workers' to die of; one to a worker ends it. And glibc
    comes to keep what large batches took, so that a worker grows by as much as its chance has it.
    """
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    if hasattr(signal, "pthread_sigmask"):
        for answer in (signal.SIG_IGN, signal.SIG_DFL):  # what came meanwhile was the trainer's
            for number in ENDING:
                signal.signal(number, answer)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every C library has it
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**17)
