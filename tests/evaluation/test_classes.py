"""Figures of single classes: a class that is always wrong is not hidden by one with many examples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.contract.metric import ClassShares
from ganzoo.errors import UserError
from ganzoo.evaluation import Evaluation
from ganzoo.evaluation.figures import by_class
from ganzoo.evaluation.judge_cache import NoJudge, TrainedJudge, weak_classes
from ganzoo.testing.command_lines import ganzoo as answer
from ganzoo.testing.own_parts import QUICK
from ganzoo.training.run import Run

MANY, FEW = 400, 3
JUDGED = {"judge": "gaussians", "metrics": ["accuracy"], "samples": 403}


def points(*counts: int) -> tuple[Tensor, Tensor]:
    """Return points of classes that all lie at the same place, so that no judge can tell them apart."""
    noise = torch.randn(sum(counts), 2, generator=torch.Generator().manual_seed(0))
    return noise, torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))


@pytest.fixture(scope="module")
def uneven(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on 400 examples of one class and 3 of another."""
    out = tmp_path_factory.mktemp("uneven") / "run"
    return ganzoo.train("cgan", dataset=points(MANY, FEW), **QUICK, out=out)


def test_shares_count_each_class() -> None:
    shares = ClassShares.counted(torch.tensor([0, 0, 2, 0]), torch.tensor([0, 0, 2, 2]), classes=4)
    assert shares == 0.75
    assert (shares.right, shares.all) == ((2, 0, 1, 0), (2, 0, 2, 0))
    assert shares.of_classes == (1.0, None, 0.5, None)
    assert shares.balanced == 0.75
    assert ClassShares((), ()) == 0


def test_a_class_that_is_always_wrong_is_shown(uneven: Run, capfd: pytest.CaptureFixture[str]) -> None:
    found = ganzoo.evaluate(uneven, **JUDGED)
    (figure,) = found.figures
    assert figure.value > 0.85
    of_few = figure.classes["1"]
    assert (of_few["value"], of_few["samples"], of_few["real"]) == (0, FEW, FEW)
    assert of_few["floor"] is not None
    assert figure.classes["0"]["real"] == MANY
    assert figure.balanced == pytest.approx(figure.classes["0"]["value"] / 2)
    assert found.judge["classes"]["1"]["accuracy"] in (0.0, None)
    assert "the judge is of little use for '1'" in capfd.readouterr().err


def test_figures_of_classes_are_in_json_and_read_again(uneven: Run) -> None:
    found = ganzoo.evaluate(uneven, **JUDGED)
    written = json.loads(json.dumps(found.to_json()))
    assert written["figures"][0]["classes"]["1"]["value"] == 0
    assert written["figures"][0]["balanced"] == found.figures[0].balanced
    assert Evaluation.from_json(written, "file") == found
    written["figures"][0]["classes"]["1"]["value"] = "none"
    with pytest.raises(UserError, match="not an evaluation"):
        Evaluation.from_json(written, "file")


def test_figures_of_earlier_versions_have_no_classes(uneven: Run) -> None:
    written = ganzoo.evaluate(uneven, **JUDGED).to_json()
    for name in ("classes", "balanced"):
        del written["figures"][0][name]
    (figure,) = Evaluation.from_json(json.loads(json.dumps(written)), "file").figures
    assert figure.classes == {}
    assert figure.balanced is None


@pytest.mark.parametrize("classes", [3, 30])
def test_the_command_shows_every_class_or_the_worst(classes: int, tmp_path: Path) -> None:
    run = {"dataset": "ring", "dataset_count": 600, "dataset_modes": classes, **QUICK}
    ganzoo.train("cgan", **run, out=tmp_path / "run")
    asked = ("--metric", "accuracy", "--samples", "300")
    said = answer("evaluate", tmp_path / "run", *asked)
    assert said.status == 0
    rows = [line.split("\t") for line in said.out.splitlines()[1:]]
    figure = json.loads(answer("evaluate", tmp_path / "run", *asked, "--json").out)["figures"][0]
    assert len(figure["classes"]) == classes
    worst = sorted(one["value"] for one in figure["classes"].values())[:10]
    assert sorted(float(row[1]) for row in rows[:-1]) == pytest.approx(worst, abs=1e-3)
    assert rows[-1][0] == "accuracy: mean of the classes"
    assert ("the 10 worst of 30 classes are shown" in said.err) == (classes == 30)


def test_a_judge_with_one_class_is_refused(tmp_path: Path) -> None:
    run = ganzoo.train("gan", dataset="ring", dataset_modes=1, dataset_count=200, **QUICK, out=tmp_path / "run")
    with pytest.raises(UserError, match=r"tell classes apart, and dataset 'ring' has one, '0': give --judge plain"):
        ganzoo.evaluate(run, samples=100)
    assert ganzoo.evaluate(run, judge="plain", samples=100).figures
    judged = {"evaluate_every": 1, "evaluate_samples": 100}
    with pytest.raises(UserError, match="give --judge plain"):
        ganzoo.train("gan", dataset="ring", dataset_modes=1, dataset_count=200, **judged, **QUICK, out=tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("accuracy", "weak"),
    [
        (ClassShares((9, 0, 3), (10, 4, 4)), ["b"]),
        (ClassShares((9, 0, 1), (10, 0, 4)), ["b", "c"]),
        (ClassShares((9, 3, 4), (10, 4, 4)), []),
        (0.9, []),
        (None, []),
    ],
)
def test_classes_that_a_judge_does_not_know_are_named(accuracy: float | None, weak: list[str]) -> None:
    assert weak_classes(TrainedJudge(NoJudge(), "judge", accuracy, 10, "identity"), ("a", "b", "c")) == weak


def test_a_floor_that_is_missing_is_told(uneven: Run, capfd: pytest.CaptureFixture[str]) -> None:
    ganzoo.evaluate(uneven, dataset=points(40, 20), judge="plain", metrics=["manifold"], samples=100)
    said = capfd.readouterr().err
    assert "metric 'manifold' has no value of real examples to compare with: each half of the 60 needs 50" in said


def test_two_examples_are_no_error_of_the_judge(tmp_path: Path) -> None:
    run = ganzoo.train("cgan", dataset=points(1, 1), **{**QUICK, "batch_size": 2}, out=tmp_path / "run")
    found = ganzoo.evaluate(run, judge="gaussians", metrics=["accuracy"], samples=4)
    assert found.judge["accuracy"] is None


def test_floors_of_classes_need_no_floor() -> None:
    assert by_class(0.5, None, ("a",)) == {}
    assert by_class(ClassShares((1,), (2,)), None, ("a",)) == {
        "a": {"value": 0.5, "samples": 2, "floor": None, "real": 0}
    }
