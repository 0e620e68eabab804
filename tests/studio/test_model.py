"""Sampling a trained model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import ganzoo
from ganzoo.cli import run as command
from ganzoo.training.run import Run


def test_many_samples_are_made_in_parts_and_differ(trained: Run) -> None:
    made = ganzoo.load(trained.folder.path).sample(600, label=1)
    assert len(torch.unique(made.flatten(1), dim=0)) == 600


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--label", "12"], "class 12 is out of range: there are the classes 0 to 9"),
        (["--label", "-1"], "out of range"),
        (["--label", "tne"], "no class is called 'tne'"),
        (["--out", "a.jpg"], "use .png, .npz, or a folder"),
        (["--truncation", "nan"], "nan is not in the range"),
        (["--count", "0"], "0 is not in the range"),
    ],
)
def test_bad_sampling_requests(
    trained: Run, words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command(["sample", str(trained.folder.path), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.iterdir())


def test_truncation_brings_samples_together_and_1_changes_nothing(trained: Run) -> None:
    model = ganzoo.load(trained.folder.path)
    whole, less, none = (model.sample(30, 1, truncation=factor) for factor in (1.0, 0.5, 0.0))
    assert torch.equal(whole, model.sample(30, 1))
    assert float(whole.std(0).mean()) > float(less.std(0).mean()) > 100 * float(none.std(0).mean())
