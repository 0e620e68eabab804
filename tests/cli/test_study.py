"""``ganzoo study``: every combination is trained and judged alike, however often the study is stopped."""

from __future__ import annotations

import csv
import json
import os
import signal
import statistics
from pathlib import Path
from typing import Any

import pytest

from ganzoo.cli import main
from ganzoo.errors import TrainingFailed
from ganzoo.storage.files import WriteFailed
from ganzoo.testing.command_lines import document, problem
from ganzoo.testing.command_lines import ganzoo as command
from ganzoo.testing.processes import Forked, wait_for
from ganzoo.training.run import Run
from ganzoo.training.run import train as train_selection

USUAL = (
    "--dataset", "ring", "--dataset-count", "200", "--steps", "2", "--batch-size", "8", "--device", "cpu",
    "--samples", "200", "--metric", "modes",
)  # fmt: skip
LINE = ("study", "gan-minimal", "--grid", "loss=bce,hinge", "--seeds", "2", *USUAL)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that was never stopped."""
    out = tmp_path_factory.mktemp("study") / "whole"
    answer = command(*LINE, "--out", out)
    assert answer.status == 0, answer.err
    return out


def table(folder: Path) -> list[dict[str, str]]:
    return list(csv.DictReader((folder / "table.csv").read_text().splitlines()))


def test_a_row_is_mean_and_deviation_of_the_seeds(whole: Path) -> None:
    rows = table(whole)
    assert [(row["variant"], row["loss"], row["judged"]) for row in rows] == [
        ("gan-minimal", "bce", "2"), ("gan-minimal", "hinge", "2"),
    ]  # fmt: skip
    for row, found in zip(rows, document("study", "--out", whole, "--resume")["rows"], strict=True):
        for label, figure in found["figures"].items():
            assert len(figure["values"]) == 2
            assert float(row[f"{label} mean"]) == statistics.fmean(figure["values"])
            assert float(row[f"{label} deviation"]) == statistics.stdev(figure["values"])


def test_every_training_is_a_normal_run(whole: Path) -> None:
    runs = sorted((whole / "runs").iterdir())
    assert len(runs) == 4
    for run in runs:
        config = json.loads((run / "config.json").read_text())
        assert (run / "model.safetensors").exists()
        assert run.name.endswith(f"seed_{config['run']['seed']}")
        assert config["parts"]["loss"]["name"] in run.name


def test_a_killed_study_goes_on_to_the_same_table(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    process = Forked(main, [*map(str, LINE), "--out", str(out)], log=tmp_path / "log")
    wait_for(out / "study.json")
    while len(json.loads((out / "study.json").read_text())["outcomes"]) < 1:
        pass
    os.kill(process.pid, signal.SIGKILL)
    process.wait(60)
    assert not (out / "table.csv").exists()
    answer = command("study", "--out", out, "--resume")
    assert answer.status == 0, answer.err
    assert (out / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()


def test_a_signal_saves_and_says_how_to_go_on(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, begun = tmp_path / "stopped", list[Path]()

    def stopping(selection: Any, *rest: Any, **named: Any) -> Run:
        begun.append(selection.run.out)
        if len(begun) == 2:
            monkeypatch.setattr("ganzoo.training.trainer.Trainer.advance", advance_and_stop)
        return train_selection(selection, *rest, **named)

    from ganzoo.training.trainer import Trainer

    advance = Trainer.advance

    def advance_and_stop(self: Trainer) -> None:
        advance(self)
        signal.raise_signal(signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr("ganzoo.studio.study.runner.train", stopping)
        answer = command(*LINE, "--out", out)
    monkeypatch.undo()
    assert answer.status == 143, answer.err
    again = next(line for line in answer.err.splitlines() if line.startswith("  ganzoo "))
    assert command(*again.split()[1:]).status == 0
    assert (out / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()


def test_what_does_not_fit_is_a_row_with_the_reason(tmp_path: Path) -> None:
    answer = command(
        "study", "gan-minimal", "--grid", "conditioner=none,multiply", "--grid", "loss=bce,nonsense", "--seeds", "1",
        *USUAL, "--out", tmp_path / "study",
    )  # fmt: skip
    assert answer.status == 0, answer.err
    assert "left out: gan-minimal conditioner=none loss=nonsense: no loss is called 'nonsense'" in answer.err
    notes = {(row["conditioner"], row["loss"]): row["note"] for row in table(tmp_path / "study")}
    assert notes["none", "bce"] == ""
    assert notes["none", "nonsense"].startswith("refused: no loss is called 'nonsense'")
    assert len(notes) == 4


def test_a_study_may_grow(whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "growing"
    assert command("study", "gan-minimal", "--grid", "loss=bce", "--seeds", "1", *USUAL, "--out", out).status == 0
    grown = command("study", "--grid", "loss=bce,hinge", "--seeds", "2", "--out", out, "--resume")
    assert grown.status == 0
    assert "3 of 3: " in grown.err
    assert (out / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()


def test_a_training_that_fails_ends_no_other_and_is_tried_again(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(selection: Any, *rest: Any, **named: Any) -> Run:
        if selection.run.seed == 1:
            raise TrainingFailed("term 'adversarial' is nan")
        return train_selection(selection, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr("ganzoo.studio.study.runner.train", failing)
        assert command(*LINE, "--out", tmp_path / "study").status == 0
    assert [row["note"] for row in table(tmp_path / "study")] == ["failed: term 'adversarial' is nan"] * 2
    assert command("study", "--out", tmp_path / "study", "--resume").status == 0
    assert (tmp_path / "study" / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()


def test_a_full_disk_ends_the_study_which_goes_on_later(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ganzoo.studio.study import journal

    written = list[Path]()

    def full(path: Path, content: bytes) -> None:
        written.append(path)
        if len(written) == 3:
            raise WriteFailed(28, "No space left on device", str(path))
        write(path, content)

    write = journal.write_atomically
    with monkeypatch.context() as patch:
        patch.setattr(journal, "write_atomically", full)
        answer = command(*LINE, "--out", tmp_path / "study")
    assert answer.status == 1
    assert "study.json cannot be written (No space left on device)" in answer.err
    assert command("study", "--out", tmp_path / "study", "--resume").status == 0
    assert (tmp_path / "study" / "table.csv").read_bytes() == (whole / "table.csv").read_bytes()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "say which variants to study: "),
        (["gan-minimal", "--grid", "loss"], "--grid 'loss' has no words to try"),
        (["gan-minimal", "--grid", "loss=bce", "--grid", "loss=hinge"], "--grid names 'loss' twice"),
        (["gan-minimal", "--grid", "seed=1,2"], "--grid cannot vary 'seed'"),
        (["gan-minimal", "--seed", "3"], "a study sets --seed of each training: give --seeds N"),
        (["gan-minimal", "--grid", "loss=nonsense"], "no combination can be trained: "),
        (["gan-minimal", "--grid", "dataset=ring,grid"], "have different data, and no judge compares their models"),
        (["gan-minimal", "--dataset", "ring", "--metric", "nonsense"], "no metric is called 'nonsense'"),
        (["nonsense"], "no variant is called 'nonsense'"),
    ],
)
def test_a_line_that_is_wrong_is_one_problem_and_writes_nothing(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    assert sentence in problem("study", *words, "--out", tmp_path / "study")
    assert not (tmp_path / "study").exists()


def test_a_study_is_not_begun_again_or_measured_in_another_way(whole: Path, tmp_path: Path) -> None:
    before = (whole / "study.json").read_bytes()
    assert "go on with it with --resume" in problem(*LINE, "--out", whole)
    assert "begun with other samples (200, not 300)" in problem("study", "--samples", "300", "--out", whole, "--resume")
    assert "begun with other options" in problem("study", "--steps", "3", "--out", whole, "--resume")
    assert (whole / "study.json").read_bytes() == before
    (tmp_path / "mine.txt").write_text("mine")
    assert "not the folder of a study" in problem(*LINE, "--out", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b'{"format": 2}', b'{"format": 1, "plan": {}, "outcomes": {}}',
        b'{"format": 1, "plan": 3, "outcomes": {"a": {"state": "done", "evaluation": 5}}}', b"[" * 100_000,
    ],
    ids=range(8),
)  # fmt: skip
def test_a_damaged_journal_is_one_problem(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_bytes(content)
    assert "study.json" in problem("study", "--out", tmp_path, "--resume")
    assert (tmp_path / "study.json").read_bytes() == content
