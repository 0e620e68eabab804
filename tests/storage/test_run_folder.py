"""Run folders: their files, their configuration and their numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganzoo.cli import run as command
from ganzoo.testing.selections import choose
from ganzoo.training.run import Run, train

# Run folders and files


def test_a_run_folder_holds_what_was_promised(trained: Run) -> None:
    folder = trained.folder
    names = {path.name for path in folder.path.iterdir()}
    assert {"model.safetensors", "config.json", "metrics.jsonl", "samples", "samples.gif", "curves.png"} <= names
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    assert {"step", "seconds", "images", "terms", "scores"} <= set(rows[-1])
    assert rows[-1]["images"] == 4 * 8
    assert set(rows[-1]["values"]) == {"D(x)", "D(G(z)) before", "D(G(z)) after", "D accuracy"}
    assert (folder.samples / "step-00000004.png").exists()


def test_the_configuration_repeats_the_run(trained: Run, tmp_path: Path) -> None:
    out = tmp_path / "again"
    assert command(["train", "--config", str(trained.folder.config), "--out", str(out)]) == 0
    assert (out / "model.safetensors").read_bytes() == trained.folder.model.read_bytes()


def test_runs_are_numbered_where_no_folder_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [train(choose("gan")).folder.path for _ in range(2)]
    assert [str(path) for path in paths] == ["runs/gan", "runs/gan-2"]
