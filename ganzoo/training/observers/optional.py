"""Observers that a user adds to a training: declared by plugins, or made in Python; none of them can end it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, final

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue.registry import Part
from ganzoo.errors import UserError
from ganzoo.training.observers.base import Observer, Report
from ganzoo.training.observers.best_effort import BestEffort

Watcher = Observer | Callable[[Report], object]
"""An observer, or a function that is called with each report."""


@final
class ReportFunction(Observer):
    """Calls a function with each report."""

    def __init__(self, function: Callable[[Report], object]):
        self._function = function

    def reported(self, report: Report) -> None:
        """Call the function."""
        self._function(report)


def optional_observers(
    parts: Iterable[Part], watchers: Sequence[Watcher], warn: Callable[[str], None]
) -> list[Observer]:
    """Return the observers of plugins and those made in Python; a failure of one is reported once through ``warn``.

    Raises :class:`UserError` if an observer cannot be built, or is none.
    """
    built = [BestEffort(_built(part), warn, part.label_with_package) for part in parts]
    return [*built, *(BestEffort(_observer(watcher), warn, f"observer {_name(watcher)}") for watcher in watchers)]


def _built(part: Part) -> Observer:
    with part.attributed():
        observer: Observer = resolve(part.component, part.kind)(part.config)
    return observer


def _observer(watcher: Any) -> Observer:
    if isinstance(watcher, Observer):
        return watcher
    if isinstance(watcher, type) or not callable(watcher):
        by_name = f"; the observer of a plugin is chosen by observer={watcher!r}" if isinstance(watcher, str) else ""
        raise UserError(
            f"{watcher!r} cannot observe a training: give a function that takes a report, or an object of a class "
            f"derived from ganzoo.plugin.Observer{by_name}"
        )
    return ReportFunction(watcher)


def _name(watcher: Watcher) -> str:
    return str(getattr(watcher, "__name__", type(watcher).__name__))
