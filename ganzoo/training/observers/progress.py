"""The progress of a training on stderr: a live bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from ganzoo.text import printable
from ganzoo.training.observers.base import Observer, Report, TrainingStart

QUIET_SECONDS = 5.0  # between two plain lines
REFRESHES = 4  # per second of the live display; more would use a noticeable part of a core
MOVE_SECONDS = 1 / REFRESHES  # between two updates of the bar


class ProgressDisplay(Observer):
    """Shows steps, steps per second, time left, loss terms, and values such as D(x) and D(G(z)), on stderr."""

    def __init__(self, console: Console | None = None):
        self._console = console or Console(stderr=True, markup=False, emoji=False)

    def began(self, start: TrainingStart) -> None:
        """Show the description of the training, and the bar."""
        self._steps, self._printed_at, self._updated_at, self._scores = start.steps, 0.0, 0.0, ""
        # Without a terminal, lines are whole.
        title, whole = "\n".join(map(printable, start.title.splitlines())), not self._console.is_terminal
        self._console.print(title, highlight=False, soft_wrap=whole)
        self._bar = Progress(
            BarColumn(bar_width=None),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            expand=True,
        )
        self._task = self._bar.add_task("", total=start.steps, completed=start.step, rate="")
        # The values have their own lines, because a terminal of 80 columns has no room for them beside the bar.
        self._values = Text("")
        self._live = Live(Group(self._bar, self._values), console=self._console, refresh_per_second=REFRESHES)
        if self._console.is_terminal:
            self._live.start()

    def stepped(self, step: int) -> None:
        """Update the bar, at most ``REFRESHES`` times per second."""
        now = time.monotonic()
        if now - self._updated_at > MOVE_SECONDS:
            self._updated_at = now
            self._bar.update(self._task, completed=step)

    def reported(self, report: Report) -> None:
        """Show the values; without a terminal, as a plain line every few seconds."""
        losses, values = describe_losses(report), describe_values(report)
        rate = f"{report.steps_per_second:.1f} steps/s"
        self._bar.update(self._task, completed=report.step, rate=rate)
        if report.scores:
            self._scores = f"step {report.step}: {describe_scores(report)}"
        self._values.plain = "\n".join(filter(None, (losses, values, self._scores)))
        now = time.monotonic()
        due = now - self._printed_at > QUIET_SECONDS or report.step == self._steps or bool(report.scores)
        if not self._console.is_terminal and due:
            self._printed_at = now
            left = (self._steps - report.step) / report.steps_per_second if report.steps_per_second else 0.0
            line = f"step {report.step}/{self._steps}  {rate}  {left:.0f} s left  {losses}  {values}"
            self._console.print(line, highlight=False, soft_wrap=True)
            if report.scores:
                self._console.print(self._scores, highlight=False, soft_wrap=True)

    def ended(self) -> None:
        """Leave the bar as it is."""
        if self._console.is_terminal:
            self._live.stop()


def describe_losses(report: Report) -> str:
    """Return the loss terms by phase in one line."""
    named = {f"{phase} {name}": value for phase, terms in report.terms.items() for name, value in terms.items()}
    return printable("  ".join(f"{name} {value:.3f}" for name, value in named.items()))


def describe_values(report: Report) -> str:
    """Return the values in one line."""
    return printable("  ".join(f"{name} {value:.2f}" for name, value in report.values.items()))


def describe_scores(report: Report) -> str:
    """Return the figures of an evaluation in one line."""
    return printable("  ".join(f"{label} {value:.4g}" for label, value in report.scores.items()))
