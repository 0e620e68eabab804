"""The progress of other work on stderr: a bar on a terminal, one line for each kind of work otherwise."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ganzoo.text import printable

T = TypeVar("T")
_DESCRIPTION = TextColumn("{task.description}", markup=False)


class Tracker:
    """Shows on stderr what is being done (:class:`ganzoo.contract.judge.Track`); stdout is for results.

    Without a terminal, work that takes less than ``patience`` seconds is not mentioned.
    """

    def __init__(self, patience: float = 0.0) -> None:
        self._console = Console(stderr=True, markup=False, emoji=False)
        self._shown: set[str] = set()
        self._busy = False
        self._patience = patience

    def __call__(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return ``items``, of which there are ``count``, and show progress; ``what`` names the work."""
        if count < 2:
            return items
        if self._console.is_terminal and not self._busy:
            return self._bar(items, what, count)
        if not self._console.is_terminal and self._patience:
            return self._line_if_slow(items, what)
        if not self._console.is_terminal:
            self._line(what)
        return items

    def say(self, text: str) -> None:
        """Show a line."""
        self._console.print(printable(f"ganzoo: {text}"), highlight=False, soft_wrap=True)

    def _line(self, what: str) -> None:
        if what not in self._shown:
            self._shown.add(what)
            self._console.print(printable(what), highlight=False, soft_wrap=True)

    def _line_if_slow(self, items: Iterable[T], what: str) -> Iterator[T]:
        began = time.monotonic()
        for item in items:
            yield item
            if time.monotonic() - began > self._patience:
                self._line(what)

    def _bar(self, items: Iterable[T], what: str, count: int) -> Iterator[T]:
        columns = (_DESCRIPTION, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # One bar at a time: work within other work shows none of its own.
        self._busy = True
        try:
            with Progress(*columns, console=self._console, transient=True) as progress:
                yield from progress.track(items, total=count, description=printable(what))
        finally:
            self._busy = False
