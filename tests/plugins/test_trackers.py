"""Weights & Biases and MLflow, without a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import ganzoo
from ganzoo.errors import UserError
from ganzoo.plugin import Picture, Report, TrainingStart
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.observers import StopAt
from ganzoo.testing.selections import choose
from ganzoo.training.run import train
from ganzoo_tensorboard.configs import TrackerConfig
from ganzoo_tensorboard.trackers import Tracker

Row = tuple[int, str, float]


class Recorded(Tracker[TrackerConfig]):
    """A tracker in memory."""

    tracker = "recorded"

    def __init__(self, runs: dict[str, list[Row]]):
        super().__init__(TrackerConfig())
        self.runs, self.begun = runs, list[tuple[str, str]]()

    def begin(self, identity: str, name: str, config: Mapping[str, Any], start: TrainingStart) -> str:
        assert config["variant"] == "gan"
        self.begun.append((identity, name))
        self.run = identity or f"run {len(self.runs)}"
        self.runs.setdefault(self.run, [])
        return self.run

    def track(self, step: int, numbers: Mapping[str, float]) -> None:
        self.runs[self.run] += [(step, name, value) for name, value in numbers.items()]

    def show(self, picture: Picture) -> None:
        self.runs[self.run].append((picture.step, "picture", 0.0))


def report(step: int) -> Report:
    return Report(step, 1.0, step, 2.0, {"generator": {"adversarial": 0.5}}, {"D(x)": 0.25}, {"generator": 1e-4},
                  {"FID (plain)": 9.0})  # fmt: skip


def begun(path: Path, step: int) -> TrainingStart:
    path.mkdir(exist_ok=True)
    (path / "config.json").write_text(json.dumps({"variant": "gan"}))
    return TrainingStart(RunFolder(path), step, 10, "title")


def test_a_resumed_run_goes_on_and_what_comes_again_stands_once(tmp_path: Path) -> None:
    runs: dict[str, list[Row]] = {}
    first = Recorded(runs)
    first.began(begun(tmp_path / "mine", 0))
    first.pictured(Picture(0, Image.new("L", (4, 4))))
    for step in (1, 2, 3):
        first.reported(report(step))
    again = Recorded(runs)
    again.began(begun(tmp_path / "mine", 1))
    for step in (2, 3, 4):
        again.reported(report(step))
    assert (first.begun, again.begun) == ([("", "mine")], [("run 0", "mine")])
    assert [step for step, name, _ in runs["run 0"] if name == "scores/FID (plain)"] == [1, 2, 3, 4]
    assert {(name, value) for step, name, value in runs["run 0"] if step == 4} == {
        ("generator/adversarial", 0.5), ("values/D(x)", 0.25), ("learning_rate/generator", 1e-4),
        ("scores/FID (plain)", 9.0), ("speed/steps_per_second", 2.0),
    }  # fmt: skip


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": 1, "step": 2}', '{"run": "x"}'])
def test_a_damaged_note_of_the_run_begins_another_one(tmp_path: Path, content: str) -> None:
    start = begun(tmp_path / "mine", 5)
    (tmp_path / "mine" / "recorded.json").write_text(content)
    tracker = Recorded({})
    tracker.began(start)
    assert tracker.begun == [("", "mine")]


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_a_missing_tracker_is_told_before_anything_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UserError, match=rf"--observer {name} .*pip install 'ganzoo\[{name}\]'"):
        train(choose("gan", out=tmp_path / "run", observer=name))
    assert not (tmp_path / "run").exists()


def test_weights_and_biases_without_a_network(tmp_path: Path) -> None:
    pytest.importorskip("wandb", reason="ganzoo[wandb] is not installed")
    options: dict[str, Any] = {"observer": "wandb", "observer_wandb_mode": "offline", "log_every": 1}
    ganzoo.train("gan", dataset="ring", steps=3, batch_size=8, out=tmp_path / "run", progress=False, **options)
    noted = json.loads((tmp_path / "run" / "wandb.json").read_text())
    assert noted["step"] == 3
    assert list((tmp_path / "run" / "wandb").glob(f"offline-run-*-{noted['run']}/run-{noted['run']}.wandb"))


def test_mlflow_without_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="ganzoo[mlflow] is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    uri = (tmp_path / "tracked").as_uri()
    options = {"observer": "mlflow", "observer_mlflow_uri": uri, "log_every": 1}
    selection = choose("gan", tmp_path / "run", steps=7, checkpoint_every=2, **options)
    run = train(selection, [StopAt(5)])
    max(run.folder.checkpoints.iterdir()).unlink()
    train(selection, resume=True)
    client = mlflow.MlflowClient(tracking_uri=uri)
    (found,) = client.search_runs([client.get_experiment_by_name("ganzoo").experiment_id])
    history = client.get_metric_history(found.info.run_id, "generator/adversarial")
    assert [metric.step for metric in history] == list(range(1, 8))
    assert found.data.params["variant"] == "gan"
    assert found.info.status == "FINISHED"
    assert client.list_artifacts(found.info.run_id, "samples")
