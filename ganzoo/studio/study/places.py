"""Where the trainings of a study are made, and how many at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from ganzoo.studio.study import on_ray
from ganzoo.studio.study.at_once import most_at_once
from ganzoo.studio.study.executor import Executor, ThisProcess
from ganzoo.studio.study.journal import Journal
from ganzoo.studio.study.trainings import Trainings
from ganzoo.studio.study.workers import Workers


@contextmanager
def opened(
    place: str, journal: Journal, trainings: Trainings, jobs: int | str | None, threads: int | None,
    say: Callable[[str], None],
) -> Iterator[Executor]:  # fmt: skip
    """Give what makes the trainings, on this machine (``local``) or on a cluster (``ray``).

    ``jobs`` is a number or ``auto``. What it decides for the whole study is noted in the ``journal``.
    """
    yield from _PLACES[place](journal, trainings, jobs, threads, say)


def _local(
    journal: Journal, trainings: Trainings, jobs: int | str | None, threads: int | None, say: Callable[[str], None]
) -> Iterator[Executor]:
    if isinstance(jobs, str):
        count, why = most_at_once(journal, trainings)
        say(f"--jobs auto: {count} at a time: {why}")
    else:
        count = jobs or 1
    _settle(journal, count, threads or max(1, torch.get_num_threads() // count))
    count = min(count, trainings.left)
    yield Workers(count, journal.threads) if count > 1 else ThisProcess(journal.threads)


def _on_ray(
    journal: Journal, trainings: Trainings, jobs: int | str | None, threads: int | None, say: Callable[[str], None]
) -> Iterator[Executor]:
    on_ray.connect()
    try:
        cores, gpus = on_ray.resources()
        if journal.plan.options.get("device") == "cpu":
            gpus = 0
        count = jobs if isinstance(jobs, int) else gpus or max(1, cores // (threads or journal.threads or 1))
        _settle(journal, count, threads or max(1, cores // count))
        each = min(gpus, 1)
        say(f"on Ray: up to {count} at a time, each with {journal.threads} of {cores} cores and {each} of {gpus} GPUs")
        yield on_ray.RayTasks(count, journal.threads, each)
    finally:
        on_ray.disconnect()


_PLACES = {"local": _local, "ray": _on_ray}


def _settle(journal: Journal, count: int, threads: int) -> None:
    """Note what a study keeps: the threads of each training, and how many trials of one search are made abreast."""
    journal.threads = journal.threads or threads
    beside = len(journal.plan.combinations) * journal.plan.seeds
    journal.abreast = journal.abreast or -(-count // beside)
