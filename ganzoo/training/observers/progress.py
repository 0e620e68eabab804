"""What a person sees while a training runs: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from ganzoo.text import printable
from ganzoo.training.observers.base import Observer, Report, TrainingStart

QUIET_SECONDS = 5.0  # between two plain lines
REFRESHES = 4  # of the live display a second; more of them cost a noticeable part of a core
MOVE_SECONDS = 1 / REFRESHES  # between two moves of the bar


class ProgressDisplay(Observer):
    """Shows steps, steps/s, time left, losses by term, D(x) and D(G(z)), on stderr."""

    def __init__(self, console: Console | None = None):
        self._console = console or Console(stderr=True, markup=False, emoji=False)

    def began(self, situation: TrainingStart) -> None:
        """Show what begins."""
        self._steps, self._said, self._moved, self._scores = situation.steps, 0.0, 0.0, ""
        self._console.print("\n".join(map(printable, situation.title.splitlines())), highlight=False)
        self._bar = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            expand=True,
        )
        self._task = self._bar.add_task("", total=situation.steps, completed=situation.step, rate="")
        # The values have lines of their own: beside the bar they would leave no room for it on 80 columns.
        self._values = Text("")
        self._live = Live(Group(self._bar, self._values), console=self._console, refresh_per_second=REFRESHES)
        if self._console.is_terminal:
            self._live.start()

    def stepped(self, step: int) -> None:
        """Move the bar, no more often than an eye can see."""
        now = time.monotonic()
        if now - self._moved > MOVE_SECONDS:
            self._moved = now
            self._bar.update(self._task, completed=step)

    def reported(self, report: Report) -> None:
        """Show the values, as a plain line now and then where there is no terminal."""
        losses, values = describe_losses(report), describe_values(report)
        rate = f"{report.rate:.1f} steps/s"
        self._bar.update(self._task, completed=report.step, rate=rate)
        if report.scores:
            self._scores = f"step {report.step}: {describe_scores(report)}"
        self._values.plain = "\n".join(filter(None, (losses, values, self._scores)))
        now = time.monotonic()
        due = now - self._said > QUIET_SECONDS or report.step == self._steps or bool(report.scores)
        if not self._console.is_terminal and due:
            self._said = now
            left = (self._steps - report.step) / report.rate if report.rate else 0.0
            line = f"step {report.step}/{self._steps}  {rate}  {left:.0f} s left  {losses}  {values}"
            self._console.print(line, highlight=False, soft_wrap=True)
            if report.scores:
                self._console.print(self._scores, highlight=False, soft_wrap=True)

    def ended(self) -> None:
        """Leave the bar as it is."""
        if self._console.is_terminal:
            self._live.stop()


def describe_losses(report: Report) -> str:
    """Return the losses by phase and term in one line."""
    named = {f"{phase} {name}": value for phase, terms in report.terms.items() for name, value in terms.items()}
    return printable("  ".join(f"{name} {value:.3f}" for name, value in named.items()))


def describe_values(report: Report) -> str:
    """Return the watched values in one line."""
    return printable("  ".join(f"{name} {value:.2f}" for name, value in report.values.items()))


def describe_scores(report: Report) -> str:
    """Return the figures of an evaluation in one line."""
    return printable("  ".join(f"{label} {value:.4g}" for label, value in report.scores.items()))
