"""The progress of a training in a notebook: one output that changes, and lines where there is no notebook."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image

import ganzoo
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.observers import Picture, Report, TrainingStart
from ganzoo.training.observers.notebook import NotebookDisplay, usual_display
from ganzoo.training.observers.progress import ProgressDisplay

START = TrainingStart(RunFolder(Path("runs/gan")), 0, 1000, "gan <on> cpu", 25)


class Cell:
    """The output of a cell: what it showed, the newest last."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, html: str) -> Cell:
        assert self.shown == [], "a second output"
        self.update(html)
        return self

    def update(self, html: str) -> None:
        self.shown.append(html)


def report(step: int) -> Report:
    return Report(step, 1.0, 64, 10.0, {"generator": {"adversarial": 0.5}}, {"D(x)": 0.7}, {}, {"FD": 12.0})


def test_one_output_shows_bar_values_and_picture() -> None:
    cell = Cell()
    display = NotebookDisplay(cell.show, str)
    display.began(START)
    display.reported(report(500))
    display.pictured(Picture(500, Image.new("RGB", (900, 90))))
    display.ended()
    assert "left" in cell.shown[-1]
    display.stepped(1000)
    display.ended()
    assert "left" not in cell.shown.pop()
    first, last = cell.shown[0], cell.shown[-1]
    assert 'value="0" max="1000"' in first and "gan &lt;on&gt; cpu" in first
    words = ('value="500"', "500/1,000 epoch 20.0", "left", "generator adversarial 0.500", "D(x) 0.70", "FD 12", "<img")
    assert [word for word in words if word not in last] == []


def test_steps_are_shown_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("ganzoo.training.observers.notebook.time.monotonic", lambda: now[0])
    cell = Cell()
    display = NotebookDisplay(cell.show, str)
    display.began(START)
    for step in range(1, 101):
        now[0] += 0.1
        display.stepped(step)
    assert 15 <= len(cell.shown) <= 21


def test_a_program_that_is_no_notebook_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", shell_with(SimpleNamespace()))
    assert isinstance(usual_display(), ProgressDisplay)
    monkeypatch.setitem(sys.modules, "IPython", shell_with(None))
    assert isinstance(usual_display(), ProgressDisplay)
    monkeypatch.delitem(sys.modules, "IPython")
    assert isinstance(usual_display(), ProgressDisplay)


def test_a_training_in_a_notebook_shows_itself_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = Cell()
    displays: Any = ModuleType("IPython.display")
    displays.HTML, displays.display = str, lambda html, display_id: cell.show(html)
    monkeypatch.setitem(sys.modules, "IPython", shell_with(SimpleNamespace(kernel=object())))
    monkeypatch.setitem(sys.modules, "IPython.display", displays)
    ganzoo.train("gan-minimal", steps=2, batch_size=4, dataset_size=8, out=tmp_path / "run")
    assert 'value="2" max="2"' in cell.shown[-1] and "<img" in cell.shown[-1]
    assert "adversarial" not in capsys.readouterr().err


def shell_with(shell: Any) -> Any:
    module: Any = ModuleType("IPython")
    module.get_ipython = lambda: shell
    return module
