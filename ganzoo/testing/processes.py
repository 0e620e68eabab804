"""Command lines in processes of their own, to be signalled and killed."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ganzoo.pictures
from ganzoo.cli import main
from ganzoo.testing.run_files import plain_animation, plain_picture

# Forked from a server that has imported what takes seconds, and that never starts a thread.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        *("pytest", "torch._dynamo", "sklearn.datasets", "matplotlib.figure", "PIL.GifImagePlugin"),
        *("ganzoo.cli", "ganzoo.training.run", "ganzoo.studio.evaluation", "ganzoo.testing.warm"),
    ]
)
os.environ.setdefault("OMP_NUM_THREADS", "1")


class Forked:
    """A call in a forked process, with the methods of ``subprocess.Popen`` that tests need; its pictures are plain."""

    def __init__(self, target: Callable[..., Any], *arguments: Any, log: Path):
        self._process = FORKS.Process(target=_with_log, args=(log, target, *arguments))
        self._process.start()
        self.pid = int(self._process.pid or 0)

    def send_signal(self, number: int) -> None:
        """Send a signal to the process."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()

    def poll(self) -> int | None:
        """Return the exit status, or ``None`` while the process lives."""
        return self._process.exitcode

    def wait(self, timeout: float = 120.0) -> int:
        """Wait for the end and return the exit status; raises ``TimeoutError``."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self.kill()
            raise TimeoutError(f"process {self.pid} goes on after {timeout} s")
        return self._process.exitcode


Started = Forked | subprocess.Popen[bytes]


def forked(words: Sequence[str], log: Path) -> Started:
    """Start ``ganzoo WORDS`` in a process that has torch imported already."""
    return Forked(main, list(words), log=log)


def forked_group(words: Sequence[str], log: Path, size: int, target: Callable[..., Any] = main) -> list[Started]:
    """Start ``ganzoo WORDS`` in ``size`` processes that train together, as ``torchrun`` would, without its restarts.

    ``target`` is called with the words in each of them.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [Forked(_as_rank, rank, size, port, target, list(words), log=log) for rank in range(size)]


def _as_rank(rank: int, size: int, port: int, target: Callable[..., Any], words: Sequence[str]) -> None:
    where = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in where.items()})
    target(list(words))


def fresh(words: Sequence[str], log: Path) -> Started:
    """Start ``ganzoo WORDS`` as people do."""
    with log.open("ab") as said:
        return subprocess.Popen([sys.executable, "-m", "ganzoo", *words], stdout=said, stderr=said)


def wait_for(path: Path, seconds: float = 60.0) -> None:
    """Wait until there is ``path``."""
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.01)


def _with_log(log: Path, target: Callable[..., Any], *arguments: Any) -> None:
    # As in a process that was started by hand: a killed server's readers of data would go on for ever.
    multiprocessing.set_start_method("fork", force=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    ganzoo.pictures.curves, ganzoo.pictures.animate = plain_picture, plain_animation
    target(*arguments)


def dead_process() -> int:
    """Return the number of a process that has ended."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return child
