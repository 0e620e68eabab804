"""Processes that each make one training of a study at a time.

They are spawned, as a fork of a process with torch's threads may wait for ever. Each leaves the process group, so that
Ctrl-C reaches the study alone, which hands it on. A worker whose study was killed ends itself: it could neither hand
over its outcome nor get another training, and would keep the run folder locked.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import final

from ganzoo.batches.workers import signals_blocked
from ganzoo.catalogue.plugin_files import files_in_use, plugins_from
from ganzoo.errors import Interrupted, TrainingFailed
from ganzoo.signals import ENDING, answered, interruptible
from ganzoo.studio.study.executor import Answer, Executor, Job, Take

_plugins: tuple[Path, ...] = ()
_received: list[int] = []


@final
class Workers(Executor):
    """``count`` processes with ``threads`` each; a signal to this process ends what they do, and starts no more."""

    def __init__(self, count: int, threads: int):
        self._count, self._threads = count, threads

    def run(self, take: Take) -> Iterator[tuple[str, Answer]]:
        """Yield the answers; raises :class:`TrainingFailed` if a process was ended from outside."""
        running = dict[Future[Answer], str]()
        before = {*multiprocessing.active_children()}
        received: list[int] = []
        with ProcessPoolExecutor(
            self._count, multiprocessing.get_context("spawn"), _begin, (self._threads, files_in_use())
        ) as pool:

            def hand_on(number: int) -> None:
                received.append(number)
                for worker in {*multiprocessing.active_children()} - before:
                    _send(worker, number)

            with answered(hand_on):
                while True:
                    # Never more than there are processes: what waits in a pool would be begun after a signal too.
                    while not received and len(running) < self._count and (taken := take()):
                        with signals_blocked():  # a process that starts has no handlers yet
                            running[pool.submit(_do, taken[1])] = taken[0]
                    if not running:
                        return
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        name = running.pop(future)
                        try:
                            yield name, future.result()
                        except BrokenProcessPool as problem:
                            raise TrainingFailed(
                                "a process of the study was ended from outside, perhaps because the memory was full: "
                                "--resume goes on, and fewer --jobs need less memory"
                            ) from problem


def _send(worker: BaseProcess, number: int) -> None:
    with suppress(OSError):  # it has just ended
        if worker.pid is not None:
            os.kill(worker.pid, number)


def _begin(threads: int, plugins: tuple[Path, ...]) -> None:
    """Prepare a process."""
    global _plugins
    _plugins = plugins
    if hasattr(os, "setpgid"):
        os.setpgid(0, 0)
    for number in ENDING:
        signal.signal(number, _note)  # between two trainings; not SIG_IGN, which a training would respect
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(threads)


def _note(number: int, frame: object) -> None:
    """Remember a signal that came while no training ran: the study has ended, and none may begin."""
    _received.append(number)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(job: Job) -> Answer:
    if _received:
        return _received[0]
    try:
        with interruptible(), plugins_from(_plugins):
            return job()
    except Interrupted as stop:
        return stop.number
