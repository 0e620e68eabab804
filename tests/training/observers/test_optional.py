"""Observers that a user adds: of plugins and from Python; all see the training, and none can end or change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ganzoo
from ganzoo.catalogue.plugin_files import plugins_from
from ganzoo.errors import UserError
from ganzoo.plugin import Observer, Report
from ganzoo.testing.command_lines import lacks
from ganzoo.testing.plugin_files import OBSERVER, write_plugin
from ganzoo.training.run import Run

SMALL: dict[str, Any] = {"steps": 2, "batch_size": 8, "dataset_size": 8, "device": "cpu", "progress": False}


def train(out: Path, **options: Any) -> Run:
    return ganzoo.train("gan-minimal", out=out, **{**SMALL, "log_every": 1, "sample_every": 2, **options})


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A training without observers."""
    return train(tmp_path_factory.mktemp("plain") / "run")


class Seeing(Observer):
    """Remembers every event."""

    def __init__(self) -> None:
        self.events: list[str] = []

    def began(self, start: Any) -> None:
        self.events.append(f"began {start.step} of {start.steps}")

    def stepped(self, step: int) -> None:
        self.events.append(f"stepped {step}")

    def reported(self, report: Report) -> None:
        self.events.append(f"reported {report.step}")

    def pictured(self, picture: Any) -> None:
        self.events.append(f"pictured {picture.step}")

    def ended(self) -> None:
        self.events.append("ended")


def test_functions_and_objects_see_the_training(tmp_path: Path, plain: Run) -> None:
    reports: list[Report] = []
    seeing = Seeing()
    run = train(tmp_path / "run", observers=[reports.append, seeing])
    assert [report.step for report in reports] == [1, 2]
    assert reports[0].terms["generator"].keys() == {"adversarial"}
    assert (seeing.events[0], seeing.events[-1]) == ("began 0 of 2", "ended")
    assert {"stepped 1", "stepped 2", "reported 1", "reported 2", "pictured 2"} <= set(seeing.events)
    assert run.sha256 == plain.sha256


@pytest.mark.parametrize("failure", [ValueError("oh"), SystemExit(3), OSError("full"), MemoryError(), UserError("no")])
def test_a_failure_is_told_once_and_ends_nothing(
    failure: BaseException, tmp_path: Path, plain: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(report: Report) -> None:
        raise failure

    run = train(tmp_path / "run", observers=[failing])
    assert (run.finished, run.sha256) == (True, plain.sha256)
    (said,) = capsys.readouterr().err.splitlines()
    whose = () if isinstance(failure, OSError) else ("observer failing", "the training goes on")
    assert lacks(said, (*whose, str(failure))) == []


def test_an_interrupt_in_an_observer_is_no_failure(tmp_path: Path) -> None:
    def interrupting(report: Report) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "run", observers=[interrupting])


@pytest.mark.parametrize("wrong", [7, "notes", Seeing, None])
def test_what_is_no_observer_is_told_before_anything_is_written(wrong: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot observe a training: give a function"):
        train(tmp_path / "run", observers=[wrong])
    assert not (tmp_path / "run").exists()


def test_an_observer_of_a_plugin_sees_the_training(tmp_path: Path, plain: Run) -> None:
    file = write_plugin(tmp_path / "notes.py", OBSERVER)
    with plugins_from([file]):
        run = train(tmp_path / "run", observer="notes", observer_notes_file=tmp_path / "notes.txt")
    seen = (tmp_path / "notes.txt").read_text().splitlines()
    assert (*seen[:2], seen[-1]) == ("built", "began 0", "ended")
    assert {"reported 1", "reported 2", "pictured 2"} <= set(seen)
    assert run.sha256 == plain.sha256


@pytest.mark.parametrize("event", ["began", "reported", "pictured", "ended"])
def test_an_observer_of_a_plugin_that_fails_is_named_once(
    event: str, tmp_path: Path, plain: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_plugin(tmp_path / "notes.py", OBSERVER)
    with plugins_from([file]):
        options = {"observer_notes_file": tmp_path / "notes.txt", "observer_notes_fail": event}
        run = train(tmp_path / "run", observer="notes", **options)
    (said,) = capsys.readouterr().err.splitlines()
    assert lacks(said, ("observer 'notes' of notes.py fails", "the training goes on", "no pencil")) == []
    assert (run.finished, run.sha256) == (True, plain.sha256)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("class Notes(Observer)", "class Notes", ("Notes is not a subclass of Observer",)),
        ('self.note("built")', "1 / 0", ("division by zero",)),
    ],
)
def test_an_observer_that_cannot_be_built_is_told_before_anything_is_written(
    old: str, new: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    file = write_plugin(tmp_path / "notes.py", OBSERVER.replace(old, new))
    with plugins_from([file]), pytest.raises(UserError) as caught:
        train(tmp_path / "run", observer="notes", observer_notes_file=tmp_path / "notes.txt")
    assert lacks(str(caught.value), ("observer 'notes' of notes.py fails", *words)) == []
    assert not (tmp_path / "run").exists()
