"""Deterministic operations: on while a training runs, and off after it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import torch

from ganzoo.testing import selections
from ganzoo.testing.observers import At
from ganzoo.training.run import Run, train
from ganzoo.training.trainer import Trainer

choose = partial(selections.choose, steps=8, dataset_size=16, precision="fp32")


def test_deterministic_holds_while_it_trains_and_no_longer(tmp_path: Path, caught: list[Trainer]) -> None:
    found: list[tuple[bool, bool, str | None]] = []

    def look(trainer: Trainer) -> None:
        enabled = torch.are_deterministic_algorithms_enabled()
        found.append((enabled, torch.backends.cudnn.benchmark, os.environ.get("CUBLAS_WORKSPACE_CONFIG")))

    before = torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    runs: list[Run] = [
        train(choose("cgan", deterministic=asked, out=tmp_path / str(asked)), [At({2: look}, caught)])
        for asked in (False, True)
    ]
    assert found[0][0] is False
    assert found[1] == (True, False, ":4096:8")
    assert (torch.are_deterministic_algorithms_enabled(), os.environ.get("CUBLAS_WORKSPACE_CONFIG")) == before
    assert runs[0].sha256 == runs[1].sha256, "a CPU computes the same anyway"
