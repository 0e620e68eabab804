"""The benchmark of estimates compares in turns, and goes on where it stopped."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ganzoo.catalogue import Selection
from ganzoo.studio.machine import Machine

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "benchmarks"))

import common  # noqa: E402
import estimates  # noqa: E402


class Works:
    """What estimates and trainings would find: the trainings are slower each time, as on a machine that others use."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.slower = 1.0

    def apart(self, work: Callable[..., Any], selection: Selection, clock: str) -> dict[str, float]:
        self.done.append(work.__name__)
        if work is estimates.trained:
            self.slower *= 2
            return {"rate": 8.0, "seconds": 10.0 * self.slower, "memory": 0.0}
        return {"rate": 10.0, "seconds": 10.0 * self.slower, "memory": 5.0}


@pytest.fixture
def works(monkeypatch: pytest.MonkeyPatch) -> Works:
    machine = Machine("a processor", 1, 1, "torch", "cpu", {}, 0.0)
    monkeypatch.setattr(common, "measure_machine", lambda device: machine)
    found = Works()
    monkeypatch.setattr(estimates, "apart", found.apart)
    return found


def test_estimates_and_trainings_take_turns_and_medians_count(works: Works) -> None:
    found = estimates.compared("gan-minimal", 3.0, 3, "cpu", "cpu", Path("data"))
    assert works.done == ["estimated", *["estimated", "trained"] * 3]
    assert found["steps"] == 30
    assert found["errors"] == {"rate": 0.25, "seconds": -0.5}, "each is compared with the training after it"


def test_what_was_compared_is_not_compared_again(works: Works, tmp_path: Path) -> None:
    out = tmp_path / "estimates.json"
    for variants in (["gan-minimal"], ["gan-minimal", "gan"]):
        shown = CliRunner().invoke(estimates.main, [*variants, "--repetitions", "1", "--out", str(out)])
        assert shown.exit_code == 0, shown.output
    assert works.done == ["estimated", "estimated", "trained"] * 2
    results = json.loads(out.read_text(encoding="utf-8"))["results"]
    assert [row["training"] for row in results] == ["gan-minimal", "gan"]


def test_the_clock_of_the_processor_takes_the_place_of_that_of_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", lambda: 5.0)
    monkeypatch.setattr(time, "process_time", lambda: 7.0)
    selection = estimates.selected("gan-minimal", 1, "cpu", Path("data"))

    def work(selection: Selection) -> dict[str, float]:
        return {"now": time.perf_counter()}

    assert [estimates.by_clock(work, selection, clock)["now"] for clock in ("wall", "cpu")] == [5.0, 7.0]
