"""Observers whose failures do not end a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

from ganzoo.training.observers.base import Observer, Picture, Report, TrainingStart


@final
class BestEffort(Observer):
    """Lets a training go on without what ``observer`` cannot write; the first such failure is told."""

    def __init__(self, observer: Observer, warn: Callable[[str], None]):
        self._observer, self._warn = observer, warn
        self._works, self._told = True, False

    def began(self, situation: TrainingStart) -> None:
        """Let it begin; one that cannot is left alone from then on."""
        self._works = False
        with self._forgiving():
            self._observer.began(situation)
            self._works = True

    def stepped(self, step: int) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.stepped(step)

    def reported(self, report: Report) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.reported(report)

    def pictured(self, picture: Picture) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.pictured(picture)

    def ended(self) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.ended()

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            if not self._told:
                self._warn(f"left out, as others like it may be: {problem}")
            self._told = True
