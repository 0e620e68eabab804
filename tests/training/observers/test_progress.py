"""What a training shows while it goes on: a bar and values on a terminal, short lines in a file."""

from __future__ import annotations

import io
import re
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.observers import Picture, Report, TrainingStart
from ganzoo.training.observers.progress import ProgressDisplay, describe_losses

START = TrainingStart(RunFolder(Path("runs/gan")), 0, 1000, "gan on cpu", 25)


def report(step: int, loss: float = 0.5, scores: dict[str, float] | None = None) -> Report:
    terms, values = {"generator": {"adversarial": loss}}, {"D(x)": 0.7, "D(G(z))": 0.3}
    return Report(step, step / 10, 64 * step, 10.0, terms, values, {}, scores or {})


def shown(terminal: bool, width: int = 80) -> tuple[ProgressDisplay, io.StringIO]:
    out = io.StringIO()
    display = ProgressDisplay(Console(file=out, force_terminal=terminal, width=width, markup=False))
    display.began(START)
    return display, out


@pytest.mark.parametrize("width", [80, 100])
def test_a_terminal_shows_bar_time_epoch_values_and_the_newest_picture(width: int) -> None:
    display, out = shown(True, width)
    display.pictured(Picture(0, Image.new("RGB", (2, 2))))
    display.stepped(500)
    display.reported(report(500, scores={"FD": 12.0}))
    display.ended()
    lines = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line) for line in out.getvalue().splitlines()]
    assert max(map(len, lines)) <= width
    last = "\n".join(lines[-6:])
    words = ("500/1,000 epoch 20.0 10.0 steps/s 0:00:0", " left", "generator adversarial 0.500",
             "D(x) 0.70  D(G(z)) 0.30",
             "step 500: FD 12", f"picture: {Path('runs/gan/samples/step-00000000.png')}")  # fmt: skip
    assert [word for word in words if word not in last] == []


def test_a_file_gets_short_lines_with_the_time_at_growing_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("ganzoo.training.observers.progress.time.monotonic", lambda: now[0])
    display, out = shown(False)
    moments = []
    for step in range(1, 1000):
        now[0] += 1
        before = out.tell()
        display.reported(report(step))
        if out.tell() > before:
            moments.append(step)
    lines = out.getvalue().splitlines()[1:]
    assert all(re.match(r"\d\d:\d\d:\d\d step \d+/1,000 epoch ", line) and len(line) < 120 for line in lines)
    gaps = [after - before for before, after in pairwise(moments)]
    assert gaps == sorted(gaps) and gaps[0] == 5 and gaps[-1] > 100


def test_a_file_gets_every_evaluation_and_the_last_step(monkeypatch: pytest.MonkeyPatch) -> None:
    display, out = shown(False)
    for step, scores in ((1, {}), (2, {}), (3, {"FD": 3.0}), (1000, {})):
        display.reported(report(step, scores=scores))
    text = out.getvalue()
    assert ("step 2/" in text, "step 3/" in text, "step 3: FD 3" in text, "step 1,000/1,000" in text) == (
        False, True, True, True,
    )  # fmt: skip


def test_numbers_of_many_digits_have_exponents() -> None:
    assert describe_losses(report(1, 1.234e18)) == "generator adversarial 1.23e+18"
