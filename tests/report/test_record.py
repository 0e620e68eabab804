"""What is read from the folder of a run, whatever is damaged in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ganzoo.errors import UserError
from ganzoo.report.choices import choices, differing, for_others
from ganzoo.report.page import page
from ganzoo.report.record import read_runs
from ganzoo.report.scores import scores
from ganzoo.testing.recorded_runs import recorded_run, write_best


def test_a_run_is_read_whole(tmp_path: Path) -> None:
    (record,) = read_runs([recorded_run(tmp_path / "run")])
    assert (record.name, record.variant, record.step, record.steps, record.seconds) == ("run", "cgan", 10, 10, 5.0)
    assert [picture.step for picture in record.pictures] == [0, 5, 10]
    assert list(record.notes) == []


def test_figures_have_their_best_value_and_that_of_real_examples(tmp_path: Path) -> None:
    (record,) = read_runs([recorded_run(tmp_path / "run")])
    found = scores(record)
    distance, accuracy = found["FD[plain]"], found["accuracy"]
    assert (distance.last, distance.best, distance.real) == ((10, 17), (6, 1), 0.5)
    assert (accuracy.last, accuracy.best, accuracy.real) == ((10, 0.5), (10, 0.5), 0.99)


def test_without_a_best_model_nothing_is_called_the_best(tmp_path: Path) -> None:
    (recorded_run(tmp_path / "run") / "best.safetensors").unlink()
    (record,) = read_runs([tmp_path / "run"])
    assert [(one.best, one.real) for one in scores(record).values()] == [(None, None)] * 2


def test_names_are_as_long_as_it_takes_and_a_run_is_read_once(tmp_path: Path) -> None:
    runs = [recorded_run(tmp_path / name, pictures=0) for name in ("a/run", "b/run", "other")]
    assert [record.name for record in read_runs([*runs, runs[0] / ".." / "run"])] == ["a/run", "b/run", "other"]


def test_what_differs_is_named_by_the_flags(tmp_path: Path) -> None:
    runs = read_runs([recorded_run(tmp_path / loss, loss=loss, pictures=0, seed=7) for loss in ("bce", "hinge")])
    found = differing(runs)
    assert found["--loss"] == ["bce", "hinge"]
    assert found["--loss-real-target"] == ["1.0", "–"]
    assert "--seed" not in found and choices(runs[0])["--seed"] == "7"


def test_no_folder_of_the_machine_is_told(tmp_path: Path) -> None:
    run = recorded_run(tmp_path / "secret" / "run", data_root=tmp_path / "secret" / "photos")
    (record,) = read_runs([run])
    assert "secret" in json.dumps(record.config)
    assert "secret" not in json.dumps(for_others(record.config))
    assert choices(record)["--data-root"] == "photos"
    assert b"secret" not in page([record])[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [("nowhere", "does not exist"), ("file.txt", "is a file"), ("empty", "is not the folder of a training")],
)
def test_what_is_no_run_is_refused(given: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "file.txt").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=words):
        read_runs([tmp_path / given])


JUNK = (b"", b"\xff\xfe{", b"[1, 2]", b"null", b'{"run": {}, "parts": 3}', b"[" * 100_000, b"\0" * 100)
FILES = ("config.json", "metrics.jsonl", "best.safetensors", "samples/step-00000000.png")


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: ascii(junk[:12]))
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_told_and_the_others_are_shown(name: str, junk: bytes, tmp_path: Path) -> None:
    run = recorded_run(tmp_path / "run")
    (run / name).write_bytes(junk)
    html, notes = page(read_runs([run]))
    # Rows that are none are skipped, as in every reader of metrics: a run that is killed may leave one.
    assert len(notes) == (name != "metrics.jsonl")
    assert all(Path(name).name in note for note in notes)
    assert (b"samples of run at step 10" in html, b"Curves" in html) == (True, name != "metrics.jsonl")


def make_folder(path: Path) -> None:
    path.mkdir()


def link_to_nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_folder, link_to_nowhere, link_to_device])
@pytest.mark.parametrize("name", FILES)
def test_what_is_no_file_is_told(name: str, make: Callable[[Path], None], tmp_path: Path) -> None:
    run = recorded_run(tmp_path / "run")
    (run / name).unlink()
    make(run / name)
    notes = page(read_runs([run]))[1]
    assert len(notes) == (name != "metrics.jsonl" or make is not link_to_nowhere)  # a missing file has no rows


HOSTILE = (
    {"step": 10**200, "terms": {"d": {"x": 1e299}}, "values": {"y": -1e299}, "seconds": "long"},
    {"step": 3, "terms": {"d": {"x": float("nan")}}, "values": {"y": float("inf")}, "seconds": None},
    {"step": -5, "terms": {}, "values": {}, "scores": {"": 1e-320}},
    {"step": 4, "terms": {"d": {f"x{number}": 0.0 for number in range(500)}}, "values": {}, "seconds": True},
)


@pytest.mark.parametrize("row", HOSTILE, ids=["huge", "not finite", "tiny", "many"])
@pytest.mark.parametrize("alone", [True, False])
def test_any_number_can_be_drawn(row: object, alone: bool, tmp_path: Path) -> None:
    run = recorded_run(tmp_path / "run")
    rows = "" if alone else (run / "metrics.jsonl").read_text(encoding="utf-8")
    (run / "metrics.jsonl").write_text(f"{rows}{json.dumps(row)}\n", encoding="utf-8")
    html = page(read_runs([run]))[0].decode()
    assert not {"nan", "inf"} & set(html.replace('"', " ").replace(",", " ").split())


@pytest.mark.parametrize(
    "evaluation", [[], {"figures": 3}, {"figures": [3, {"label": []}, {"label": "FD[plain]", "aim": {}, "floor": "x"}]}]
)
def test_a_forged_evaluation_is_no_evaluation(evaluation: object, tmp_path: Path) -> None:
    run = recorded_run(tmp_path / "run")
    write_best(run, evaluation)  # type: ignore[arg-type]
    (record,) = read_runs([run])
    assert all(score.real is None and score.best is None for score in scores(record).values())
