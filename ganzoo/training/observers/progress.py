"""The progress of a training on stderr: a live bar on a terminal, short lines at growing intervals otherwise."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from ganzoo.text import lasting, printable
from ganzoo.training.observers.base import Observer, Picture, Report, TrainingStart

LEAST_PAUSE, MOST_PAUSE = 5.0, 600.0  # seconds between two plain lines
PAUSE_SHARE = 0.2  # of the time so far that passes without a line
REFRESHES = 4  # per second of the live display; more would use a noticeable part of a core
MOVE_SECONDS = 1 / REFRESHES  # between two updates of the bar
LARGE = 1e5  # numbers from here on have exponents


class ProgressDisplay(Observer):
    """Shows steps, epoch, speed, time, loss terms, values such as D(x) and D(G(z)), and the newest picture, on stderr.

    Into a file or a pipe it writes lines, each with the time of day.
    """

    def __init__(self, console: Console | None = None):
        self._console = console or Console(stderr=True, markup=False, emoji=False)

    def began(self, start: TrainingStart) -> None:
        """Show the description of the training, and the bar."""
        self._start, self._scores, self._picture = start, "", ""
        self._began_at = self._updated_at = time.monotonic()
        self._due_at = self._began_at
        # Without a terminal, lines are whole.
        title, whole = "\n".join(map(printable, start.title.splitlines())), not self._console.is_terminal
        self._console.print(title, highlight=False, soft_wrap=whole)
        self._bar = Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.fields[place]}"),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=self._console,
            expand=True,
        )
        place = self._place(start.step)
        self._task = self._bar.add_task("", total=start.steps, completed=start.step, rate="", place=place)
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
            self._bar.update(self._task, completed=step, place=self._place(step))

    def reported(self, report: Report) -> None:
        """Show the values; without a terminal, as a plain line at growing intervals."""
        losses, rate = describe_losses(report), f"{report.steps_per_second:,.1f} steps/s"
        self._bar.update(self._task, completed=report.step, rate=rate, place=self._place(report.step))
        if report.scores:
            self._scores = f"step {report.step:,}: {describe_scores(report)}"
        self._shown = losses, describe_values(report)
        self._show()
        if not self._console.is_terminal:
            self._write_line(report, losses, rate)

    def pictured(self, picture: Picture) -> None:
        """Show where the picture is."""
        self._picture = f"picture: {printable(str(self._start.folder.picture(picture.step)))}"
        self._show()

    def ended(self) -> None:
        """Leave the bar as it is."""
        if self._console.is_terminal:
            self._live.stop()

    _shown: tuple[str, ...] = ()

    def _show(self) -> None:
        self._values.plain = "\n".join(filter(None, (*self._shown, self._scores, self._picture)))

    def _place(self, step: int) -> str:
        return f"{step:,}/{self._start.steps:,} epoch {step / self._start.steps_per_epoch:.1f}"

    def _write_line(self, report: Report, losses: str, rate: str) -> None:
        now, last = time.monotonic(), report.step == self._start.steps
        if now >= self._due_at or last or report.scores:
            self._due_at = now + min(MOST_PAUSE, max(LEAST_PAUSE, PAUSE_SHARE * (now - self._began_at)))
            left = (self._start.steps - report.step) / report.steps_per_second if report.steps_per_second else 0.0
            ahead = "" if last else f", {lasting(left)} left"
            line = f"{time.strftime('%H:%M:%S')} step {self._place(report.step)}, {rate}{ahead}: {losses}"
            self._console.print(line, highlight=False, soft_wrap=True)
            if report.scores:
                self._console.print(f"{time.strftime('%H:%M:%S')} {self._scores}", highlight=False, soft_wrap=True)


def describe_losses(report: Report) -> str:
    """Return the loss terms by phase in one line."""
    named = {f"{phase} {name}": value for phase, terms in report.terms.items() for name, value in terms.items()}
    return printable("  ".join(f"{name} {_number(value, '.3f')}" for name, value in named.items()))


def describe_values(report: Report) -> str:
    """Return the values in one line."""
    return printable("  ".join(f"{name} {_number(value, '.2f')}" for name, value in report.values.items()))


def describe_scores(report: Report) -> str:
    """Return the figures of an evaluation in one line."""
    return printable("  ".join(f"{label} {value:.4g}" for label, value in report.scores.items()))


def _number(value: float, form: str) -> str:
    return f"{value:{form}}" if abs(value) < LARGE else f"{value:.3g}"
