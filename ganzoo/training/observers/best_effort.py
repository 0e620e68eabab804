"""Observers whose failures do not end a training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import final

from ganzoo.health.diagnosis import Diagnosis
from ganzoo.text import described
from ganzoo.training.observers.base import Observer, Picture, Report, TrainingStart


@final
class BestEffort(Observer):
    """Passes events on to ``observer``; an observer that cannot write does not end the training.

    The first failure is reported through ``warn``. ``owner`` names an observer that is code of a plugin or of the user:
    then no error of that code ends the training.
    """

    def __init__(self, observer: Observer, warn: Callable[[str], None], owner: str = ""):
        self._observer, self._warn, self._owner = observer, warn, owner
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

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Pass the event on."""
        if self._works:
            with self._warning_once():
                self._observer.diagnosed(diagnosis)

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
            self._warn_once(f"left out, and others may be too: {problem}")
        except (Exception, SystemExit) as problem:
            if not self._owner:
                raise
            self._warn_once(f"{self._owner} fails, and the training goes on: {described(problem)}")

    def _warn_once(self, text: str) -> None:
        if not self._warned:
            self._warn(text)
        self._warned = True
