"""Observers whose failures do not end a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

from ganzoo.training.observers.base import Observer, Picture, Report, TrainingStart


@final
class BestEffort(Observer):
    """Passes events on to ``observer``; an observer that cannot write does not end the training.

    The first failure is reported through ``warn``.
    """

    def __init__(self, observer: Observer, warn: Callable[[str], None]):
        self._observer, self._warn = observer, warn
        self._works, self._warned = True, False

    def began(self, start: TrainingStart) -> None:
        """Pass the event on; if that fails, the observer gets no other event."""
        self._works = False
        with self._warning_once():
            self._observer.began(start)
            self._works = True

    def stepped(self, step: int) -> None:
        """Pass the event on."""
        if self._works:
            with self._warning_once():
                self._observer.stepped(step)

    def reported(self, report: Report) -> None:
        """Pass the event on."""
        if self._works:
            with self._warning_once():
                self._observer.reported(report)

    def pictured(self, picture: Picture) -> None:
        """Pass the event on."""
        if self._works:
            with self._warning_once():
                self._observer.pictured(picture)

    def ended(self) -> None:
        """Pass the event on."""
        if self._works:
            with self._warning_once():
                self._observer.ended()

    @contextmanager
    def _warning_once(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            if not self._warned:
                self._warn(f"left out, and others may be too: {problem}")
            self._warned = True
