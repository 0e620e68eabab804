"""Deterministic operations: on while a training runs, and off after it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch

from ganzoo.step.determinism import deterministic
from ganzoo.step.precision import Precision
from ganzoo.testing import selections
from ganzoo.testing.observers import At
from ganzoo.training.run import Run, train
from ganzoo.training.trainer import Trainer

choose = partial(selections.choose, steps=8, dataset_size=16, precision="fp32")


def state() -> tuple[bool, bool, bool]:
    filling: bool = torch.utils.deterministic.fill_uninitialized_memory
    return torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark, filling


def test_deterministic_holds_while_it_trains_and_no_longer(tmp_path: Path, caught: list[Trainer]) -> None:
    found: list[tuple[bool, bool, bool]] = []

    def look(trainer: Trainer) -> None:
        found.append(state())

    before = state()
    runs: list[Run] = [
        train(choose("cgan", deterministic=asked, out=tmp_path / str(asked)), [At({2: look}, caught)])
        for asked in (False, True)
    ]
    assert found[0][0] is False
    assert found[1] == (True, False, False)
    assert state() == before
    assert runs[0].sha256 == runs[1].sha256, "a CPU computes the same anyway"


def test_an_evaluation_in_a_deterministic_run_searches_no_other_convolutions() -> None:
    with deterministic(True), Precision("fp32", torch.device("cuda")).set():
        assert not torch.backends.cudnn.benchmark
    with Precision("fp32", torch.device("cuda")).set():
        assert torch.backends.cudnn.benchmark
