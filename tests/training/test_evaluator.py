"""Evaluation during a training, and the best model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import ganzoo
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.errors import UserError
from ganzoo.evaluation import Figure
from ganzoo.storage.checkpoint_files import checkpoints, step_of
from ganzoo.storage.run_folder import RunFolder
from ganzoo.storage.sealed import read_sealed
from ganzoo.testing.observers import StopAt
from ganzoo.training.run import Run, train

# While training

EVALUATED = {"evaluate_every": 3, "evaluate_samples": 300, "metric": "frechet", "judge": "plain"}


def trained_run(out: Path, resume: bool = False, **flags: Any) -> Run:
    fixed = {"steps": 7, "batch_size": 16, "log_every": 2, "sample_every": 100, "checkpoint_every": 2, "device": "cpu"}
    return train(select(installed(), "cgan", {**fixed, "out": out, **flags}), (), resume)


def scores(folder: RunFolder) -> dict[int, dict[str, float]]:
    rows = [json.loads(line) for line in folder.metrics.read_text().splitlines()]
    return {row["step"]: row["scores"] for row in rows if row["scores"]}


def best_of(folder: RunFolder) -> dict[str, Any]:
    trained: dict[str, Any] = read_sealed(folder.best, MODEL_KEY, "model")[1]["trained"]
    return trained


def test_a_training_is_evaluated_and_its_best_model_kept(tmp_path: Path) -> None:
    run = trained_run(tmp_path / "run", **EVALUATED)
    found = scores(run.folder)
    assert list(found) == [3, 6, 7]
    (label,) = found[3]
    least = min(found, key=lambda step: found[step][label])
    best = best_of(run.folder)
    assert best["steps"] == least
    held = ganzoo.evaluate(run.folder.best, metrics=["frechet"], judge="plain", samples=300, seed=0)
    assert held.figures[0].value == found[least][label] == best["evaluation"]["figures"][0]["value"]


def test_being_evaluated_changes_nothing(tmp_path: Path) -> None:
    evaluated = trained_run(tmp_path / "one", **EVALUATED)
    assert evaluated.sha256 == trained_run(tmp_path / "other").sha256


def test_a_training_that_goes_on_keeps_the_best_of_all(tmp_path: Path) -> None:
    whole = trained_run(tmp_path / "whole", **EVALUATED)
    settings = {**EVALUATED, "out": tmp_path / "parts", "steps": 7, "batch_size": 16, "log_every": 2}
    chosen = select(
        installed(), "cgan", {**settings, "sample_every": 100, "checkpoint_every": 2, "device": "cpu"}
    )  # fmt: skip
    for step in (3, 5):
        assert not train(chosen, [StopAt(step)], resume=step > 3).finished
    parts = train(chosen, resume=True)
    assert scores(parts.folder) == scores(whole.folder)
    assert best_of(parts.folder) == best_of(whole.folder)
    assert ganzoo.load(parts.folder.best).sample(3).equal(ganzoo.load(whole.folder.best).sample(3))


def test_one_can_train_on_from_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Figure, "better_than", lambda figure, other: False)
    flags = {**EVALUATED, "checkpoint_every": 100, "keep_checkpoints": 1}
    whole = trained_run(tmp_path / "run", **flags)
    assert best_of(whole.folder)["steps"] == 3
    last, best = checkpoints(whole.folder.checkpoints)
    assert (step_of(last), step_of(best)) == (7, 3)
    last.unlink()
    again = trained_run(tmp_path / "run", resume=True, **flags)
    assert again.sha256 == whole.sha256
    assert checkpoints(whole.folder.checkpoints) == [last, best]


def test_a_best_model_of_another_judge_is_not_compared_with(tmp_path: Path) -> None:
    chosen = {
        **EVALUATED,
        "out": tmp_path / "run",
        "steps": 7,
        "batch_size": 16,
        "checkpoint_every": 2,
        "device": "cpu",
    }
    train(select(installed(), "cgan", chosen), [StopAt(4)])
    for flags, words in (
        ({"metric": "parzen"}, "judge is none here"),
        ({"metric": "kernel"}, r"was not selected by KD\[digits-plain"),
        ({"evaluate_samples": 400}, "number of samples is 400 here and 300 there"),
    ):
        with pytest.raises(UserError, match=words):
            train(select(installed(), "cgan", {**chosen, **flags}), resume=True)


def test_what_cannot_be_evaluated_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    for flags, words in (({"metric": "fretchet"}, "did you mean 'frechet'"), ({"evaluate_samples": 5}, "at least")):
        with pytest.raises(UserError, match=words):
            trained_run(tmp_path / "run", **{**EVALUATED, **flags})
        assert not (tmp_path / "run").exists()
