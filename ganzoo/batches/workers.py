"""Worker processes that read data ahead: how they start and end, and how they handle signals and memory."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess

from ganzoo.errors import UserError
from ganzoo.signals import ENDING
from ganzoo.text import described

UNGUARDED = 86  # exit status of a worker whose start trains, because the main script trains when it is imported
_ADVICE = 'put what the script does below `if __name__ == "__main__":`, or read in this process with workers=0'
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


def leave_if_starting() -> None:
    """End this process if it is a worker that is starting, and only imports the main script, which wants to train.

    A worker that is not forked imports the script; multiprocessing marks it until that is done.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        os._exit(UNGUARDED)  # a server of processes makes 1 of the status of SystemExit


@contextmanager
def starting_explained(owner: str) -> Iterator[None]:
    """Raise :class:`UserError` with what to do where the processes that read the data of ``owner`` cannot be started.

    What is sent to a process that is not forked must be picklable; every library has its own errors for what is not.
    """
    try:
        yield
    except (ConnectionError, EOFError) as problem:  # the server of processes, which imports the script first, has ended
        raise UserError(
            f"the processes that read the data of {owner} cannot be started ({described(problem)}): if this is a "
            f"script, {_ADVICE}"
        ) from None
    except (OSError, MemoryError):
        raise
    except Exception as problem:
        raise UserError(
            f"the processes that read the data of {owner} cannot be started ({described(problem)}): define its classes "
            "and functions at the top level of a module, or read in this process with --workers 0"
        ) from None


@contextmanager
def ending_explained(owner: str, processes: Sequence[BaseProcess]) -> Iterator[None]:
    """Raise :class:`UserError` with what to do where a process that reads the data of ``owner`` has ended."""
    try:
        yield
    except RuntimeError:
        ended = [process.exitcode for process in processes if process.exitcode]
        if not ended:
            raise
        if UNGUARDED in ended:
            raise UserError(
                f"the processes that read the data import this script, which then trains in them too: {_ADVICE}"
            ) from None
        how = f"with exit status {ended[0]}" if ended[0] > 0 else f"by signal {-ended[0]}"
        raise UserError(
            f"a process that reads the data of {owner} ended {how}; what it said is above, and --workers 0 reads in "
            "this process"
        ) from None


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
    else:  # Windows sends Ctrl-C to every process of a console; who ends a worker there sends no signal
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # not every C library has it
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, 2**17)
