"""Trainings in the threads of one process: each is the training that it would be alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

import ganzoo
from ganzoo.randomness import global_generator, process_numerics
from ganzoo.testing.selections import SMALL
from ganzoo.training.run import Run

QUICK: dict[str, Any] = {**SMALL, "device": "cpu", "steps": 12, "progress": False, "discriminator_dropout": 0.3}


def training(out: Path, seed: int) -> Run:
    return ganzoo.train("cgan", **QUICK, seed=seed, out=out)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    folder = tmp_path_factory.mktemp("alone")
    return {seed: training(folder / f"{seed}", seed).sha256 for seed in range(3)}


def in_threads(*work: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(work)) as pool:
        return [future.result() for future in [pool.submit(function) for function in work]]


def test_a_thread_that_is_not_the_main_one_trains(alone: dict[int, str], tmp_path: Path) -> None:
    (run,) = in_threads(lambda: training(tmp_path / "run", 0))
    assert run.finished
    assert run.sha256 == alone[0]


def test_trainings_in_threads_are_those_of_each_alone(alone: dict[int, str], tmp_path: Path) -> None:
    runs = in_threads(*(lambda seed=seed: training(tmp_path / f"{seed}", seed) for seed in alone))
    assert [run.sha256 for run in runs] == list(alone.values())


def test_a_second_training_waits(tmp_path: Path) -> None:
    with process_numerics, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(training, tmp_path / "run", 0)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        assert not (tmp_path / "run").exists()
        process_numerics.release()
        try:
            assert waiting.result(timeout=60).finished
        finally:
            process_numerics.acquire()


def test_models_are_loaded_and_sampled_while_another_thread_trains(alone: dict[int, str], tmp_path: Path) -> None:
    """Loading builds networks, which draws from torch's global generator as dropout in the training does."""
    model = training(tmp_path / "model", 1).folder.path
    expected = ganzoo.sample(model, 4)
    done = threading.Event()

    def sample() -> int:
        count = 0
        while not done.is_set() or not count:
            assert torch.equal(ganzoo.sample(model, 4), expected)
            count += 1
        return count

    def train() -> str:
        try:
            return training(tmp_path / "run", 0).sha256
        finally:
            done.set()

    sampled, sha256 = in_threads(sample, train)
    assert sampled > 0
    assert sha256 == alone[0]


def test_a_training_leaves_no_lock_behind(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="cannot be made"):
        training(tmp_path / "file" / "run", 0)
    for lock in (process_numerics, global_generator):
        assert in_threads(lambda lock=lock: lock.acquire(timeout=1) and lock.release() is None) == [True]
