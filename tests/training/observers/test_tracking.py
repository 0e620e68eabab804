"""The progress of other work than steps."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest

from ganzoo.training.observers import tracking
from ganzoo.training.observers.tracking import Tracker


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(tracking, "time", made)
    return made


def items(count: int, clock: Clock, seconds: float) -> Iterator[int]:
    for item in range(count):
        clock.now += seconds
        yield item


@pytest.mark.parametrize(("seconds", "said"), [(0.1, ""), (2.0, "reading files\n")])
def test_without_a_terminal_only_slow_work_is_mentioned_and_once(
    seconds: float, said: str, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    tracker = Tracker(patience=1.0)
    for _ in range(2):
        assert list(tracker(items(5, clock, seconds), "reading files", 5)) == [0, 1, 2, 3, 4]
    assert capsys.readouterr().err == said


def test_without_patience_work_is_mentioned_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(Tracker()(iter(range(2)), "training a \x1b judge", 2)) == [0, 1]
    assert list(Tracker()(iter(range(1)), "one thing", 1)) == [0]
    assert capsys.readouterr().err == "training a \\x1b judge\n"


@pytest.mark.parametrize("patience", [0.0, 1.0])
def test_on_a_terminal_there_is_a_bar_that_goes_away(patience: float, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr", shown := Terminal())
    assert list(Tracker(patience)(range(3), "reading files", 3)) == [0, 1, 2]
    assert "reading files" in shown.getvalue() and "3/3" in shown.getvalue()
    assert shown.getvalue().endswith("\x1b[2K")
