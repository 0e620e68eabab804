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
