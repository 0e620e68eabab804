"""What makes the trainings of a study: this process, processes of its own, or a cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

Answer = str | int
"""What a job returns: an outcome as JSON, as not all in it can be pickled, or the signal that has stopped it."""
Job = Callable[[], Answer]
Take = Callable[[], tuple[str, Job] | None]
"""Returns the name of the next job and the job, or ``None`` where there is none before another one is answered."""


class Executor(ABC):
    """Makes jobs, each of which can be sent to another process."""

    @abstractmethod
    def run(self, take: Take) -> Iterator[tuple[str, Answer]]:
        """Yield the name and the answer of each job as soon as it ends, in whichever order.

        After a signal no job is begun, and those that run end with its number.
        """


@final
class ThisProcess(Executor):
    """Makes one job after the other with so many ``threads``."""

    def __init__(self, threads: int):
        self._threads = threads

    def run(self, take: Take) -> Iterator[tuple[str, Answer]]:
        """Yield the answers in their order."""
        with threads_of(self._threads):
            while taken := take():
                name, job = taken
                answer = job()
                yield name, answer
                if isinstance(answer, int):
                    return


@contextmanager
def threads_of(count: int) -> Iterator[None]:
    """In the block, compute with ``count`` threads of this process."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
