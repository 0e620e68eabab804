"""Intervals in epochs: ``--sample-every 1e``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganzoo.catalogue.options import Epochs, make
from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import Refused
from ganzoo.testing.command_lines import ganzoo, problem

# 32 examples in batches of 8 are 4 steps an epoch.
SMALL = ("--steps", "10", "--batch-size", "8", "--dataset", "ring", "--dataset-count", "32", "--device", "cpu")


def test_pictures_and_checkpoints_come_at_the_end_of_epochs(tmp_path: Path) -> None:
    run = tmp_path / "run"
    every = ("--sample-every", "1e", "--checkpoint-every", "2e", "--keep-checkpoints", "9")
    assert ganzoo("train", "gan-minimal", *SMALL, *every, "--out", run).status == 0
    assert [path.stem for path in sorted((run / "samples").iterdir())] == [f"step-{n:08d}" for n in (0, 4, 8, 10)]
    saved = [path.stem for path in sorted((run / "checkpoints").glob("*.safetensors"))]
    assert saved == [f"step-{n:08d}" for n in (8, 10)]
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["run"]["sample_every"] == "1e"
    again = tmp_path / "again"
    assert ganzoo("train", "--config", run / "config.json", "--out", again).status == 0
    assert (again / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("given", "read"), [("1e", "1e"), ("12e", "12e"), ("7", 7), (7, 7), (7.0, 7)])
def test_what_is_an_interval(given: object, read: object) -> None:
    found = make(RunSettings, {"sample_every": given}, "run").sample_every
    assert found == read
    assert isinstance(found, Epochs) == isinstance(read, str)


@pytest.mark.parametrize(
    "given", ["0e", "e", "-1e", "1.5e", "1ee", "1E", "١e", "1 e", "9999999999e", "nan", "", None, True]
)
def test_what_is_none(given: object) -> None:
    with pytest.raises(Refused, match="must be"):
        make(RunSettings, {"sample_every": given}, "run")


def test_the_message_names_both_forms() -> None:
    said = problem("train", "gan-minimal", "--dry-run", "--sample-every", "often")
    assert "a number of steps, or of epochs, such as 1e" in said
