"""``ganzoo study --search``: the line, the table and the best trial; tests/studio has what a search chooses."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from ganzoo.testing.command_lines import ganzoo, problem

pytest.importorskip("optuna", reason="needs ganzoo[search]")
USUAL = (
    "--dataset", "ring", "--dataset-count", "200", "--steps", "1", "--batch-size", "8", "--device", "cpu",
    "--samples", "100",
)  # fmt: skip
LINE = ("study", "gan-minimal", "--search", "optimizer-lr=1e-4..1e-1:log", "--search", "loss=bce,nonsense", *USUAL)


def test_a_search_has_a_row_for_each_trial_and_names_the_best(tmp_path: Path) -> None:
    out = tmp_path / "study"
    answer = ganzoo(*LINE, "--objective", "modes", "--trials", "2", "--seeds", "1", "--out", out)
    assert answer.status == 0, answer.err
    assert "best by modes: gan-minimal optimizer-lr=" in answer.err
    assert ganzoo("study", "--out", out, "--resume", "--trials", "3").status == 0
    (out / "table.csv").unlink()
    found = json.loads(ganzoo("study", "--out", out, "--resume", "--json").out)
    rows = list(csv.DictReader((out / "table.csv").read_text().splitlines()))
    assert [(row["variant"], row["loss"], row["optimizer-lr"]) for row in rows] == [
        ("gan-minimal", row["choices"]["loss"], row["choices"]["optimizer-lr"]) for row in found["rows"]
    ]
    assert len(rows) == 3
    notes = [row["note"].startswith("refused: no loss is called 'nonsense'") for row in rows]
    assert notes == [row["loss"] == "nonsense" for row in rows]
    (best,) = found["best"]
    assert best in found["rows"]
    assert found["plan"]["metrics"] == ["modes"]
    before = (out / "study.json").read_bytes()
    assert "begun with other objective (modes, not frechet)" in problem(
        "study", "--objective", "frechet", "--metric", "modes", "--out", out, "--resume"
    )
    assert "begun with other search" in problem("study", "--search", "loss=bce,lsgan", "--out", out, "--resume")
    assert (out / "study.json").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--search", "optimizer-lr=1e-4..1e-3"], "say which metric leads the search: --objective METRIC, one of "),
        (["--search", "optimizer-lr", "--objective", "modes"], "--search 'optimizer-lr' has no words to try"),
        (["--search", "loss=bce", "--objective", "modes"], "'bce' is nothing to choose from"),
        (["--search", "loss=bce,hinge", "--grid", "loss=bce", "--objective", "modes"], "both name 'loss'"),
        (["--search", "optimizer-lr=2..1", "--objective", "modes"], "LOW must be below HIGH"),
        (["--search", "optimizer-rate=1..2", "--objective", "modes"], "no combination can be trained: gan-minimal "),
        (["--search", "seed=1..2", "--objective", "modes"], "--search cannot vary 'seed'"),
        (["--search", "loss=bce,hinge", "--objective", "nonsense"], "no metric is called 'nonsense'"),
        (["--search", "dataset=ring,grid", "--objective", "modes"], "have different data"),
        (["--trials", "3"], "--trials and --objective belong to a search"),
    ],
)
def test_a_search_that_is_wrong_is_one_problem_and_writes_nothing(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    assert sentence in problem("study", "gan-minimal", "--dataset", "ring", *words, "--out", tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("package", "words", "extra"),
    [
        ("optuna", ["--search", "loss=bce,hinge", "--objective", "modes"], "ganzoo[search]"),
        ("ray", ["--grid", "loss=bce,hinge", "--on", "ray"], "ganzoo[ray]"),
    ],
)
def test_a_package_that_is_absent_is_named_before_anything_is_written(
    package: str, words: list[str], extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    said = problem("study", "gan-minimal", *words, *USUAL, "--out", tmp_path / "study")
    assert f"pip install '{extra}'" in said
    assert not (tmp_path / "study").exists()


def test_a_study_keeps_its_threads(tmp_path: Path) -> None:
    line = ("study", "gan-minimal", "--grid", "loss=nonsense,bce", "--seeds", "1", "--metric", "modes", *USUAL)
    assert ganzoo(*line, "--threads", "1", "--out", tmp_path).status == 0
    assert json.loads((tmp_path / "study.json").read_text())["threads"] == 1
    assert "begun with 1 --threads" in problem("study", "--threads", "2", "--out", tmp_path, "--resume")
