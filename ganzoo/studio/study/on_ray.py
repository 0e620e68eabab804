"""Trainings of a study on a cluster: each is a task of Ray, which decides where and when it runs.

All machines must see the folder of the study, and have the same ganzoo. A task that loses its machine is not repeated
by Ray, as another one may hold its run folder: ``--resume`` goes on with it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, final

from ganzoo.catalogue.plugin_files import files_in_use, plugins_from
from ganzoo.errors import Interrupted, TrainingFailed, UserError
from ganzoo.signals import answered, interruptible
from ganzoo.studio.study.executor import Answer, Executor, Job, Take, threads_of


@final
class RayTasks(Executor):
    """Up to ``count`` tasks at a time, each with ``threads`` cores and ``gpus`` GPUs."""

    def __init__(self, count: int, threads: int, gpus: int):
        self._count, self._threads, self._gpus = count, threads, gpus

    def run(self, take: Take) -> Iterator[tuple[str, Answer]]:
        """Yield the answers; raises :class:`TrainingFailed` if Ray loses a task."""
        ray = _ray()
        task = ray.remote(num_cpus=self._threads, num_gpus=self._gpus, max_retries=0)(_do)
        running: dict[Any, str] = {}
        received: list[int] = []

        def end(number: int) -> None:
            received.append(number)
            for reference in [*running]:
                ray.cancel(reference)  # a SIGINT in the task

        with answered(end):
            while True:
                while not received and len(running) < self._count and (taken := take()):
                    name, job = taken
                    running[task.remote(job, self._threads, files_in_use(), Path.cwd())] = name
                if not running:
                    return
                done, _ = ray.wait([*running])
                for reference in done:
                    yield running.pop(reference), _answer(ray, reference, received)


def connect() -> None:
    """Join the cluster that RAY_ADDRESS or this machine names, or start one on this machine; raises `UserError`."""
    ray = _ray()
    if ray.is_initialized():
        return
    try:
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    except Exception as problem:
        raise UserError(
            f"Ray cannot be used ({problem}): start it with `ray start --head`, or leave out --on"
        ) from problem


def disconnect() -> None:
    """Leave the cluster; one that was started here ends."""
    _ray().shutdown()


def resources() -> tuple[int, int]:
    """Return the number of cores and of GPUs of the cluster."""
    found = _ray().cluster_resources()
    return max(1, int(found.get("CPU", 1))), int(found.get("GPU", 0))


def _ray() -> Any:
    try:
        import ray
    except ImportError as problem:
        raise UserError(
            f"--on ray needs a package that is not installed ({problem}): pip install 'ganzoo[ray]'"
        ) from problem
    return ray


def _answer(ray: Any, reference: Any, received: list[int]) -> Answer:
    with suppress(ray.exceptions.TaskCancelledError):  # it had not begun
        try:
            answer: Answer = ray.get(reference)
        except (
            ray.exceptions.WorkerCrashedError,
            ray.exceptions.NodeDiedError,
            ray.exceptions.OutOfMemoryError,
        ) as gone:
            raise TrainingFailed(
                "a task of the study was ended from outside, perhaps because the memory was full: --resume goes on"
            ) from gone
        return received[0] if received and isinstance(answer, int) else answer
    return received[0]


def _do(job: Job, threads: int, plugins: tuple[Path, ...], folder: Path) -> Answer:
    """Make a job in a worker of Ray, in the ``folder`` in which the study was started."""
    try:
        os.chdir(folder)
        with interruptible(), plugins_from(plugins), threads_of(threads):
            return job()
    except Interrupted as stop:
        return stop.number
