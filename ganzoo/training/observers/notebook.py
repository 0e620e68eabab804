"""The progress of a training in a notebook: a bar of the notebook's own, values, and the newest picture."""

from __future__ import annotations

import io
import sys
import time
from html import escape
from typing import Any, final

from ganzoo.cards import picture_url
from ganzoo.health.diagnosis import Diagnosis
from ganzoo.text import lasting
from ganzoo.training.observers.base import Observer, Picture, Report, TrainingStart
from ganzoo.training.observers.progress import ProgressDisplay, describe_losses, describe_scores, describe_values

PAUSE = 0.5  # seconds between two updates; each is kept in the notebook's messages until it is shown
WIDEST = 640  # pixels of the picture


def usual_display() -> Observer:
    """Return what shows the progress where this program runs: in a notebook, or on stderr."""
    module: Any = sys.modules.get("IPython")  # whoever runs in a notebook has imported it
    shell = module.get_ipython() if module is not None else None
    if getattr(shell, "kernel", None) is None:
        return ProgressDisplay()
    from IPython.display import HTML, display

    return NotebookDisplay(lambda html: display(HTML(html), display_id=True), HTML)


@final
class NotebookDisplay(Observer):
    """Shows one output of a cell, which changes as the training goes on.

    ``show`` shows HTML and returns a handle, whose ``update`` shows something else in its place, made by ``as_html``.
    """

    def __init__(self, show: Any, as_html: Any):
        self._show, self._as_html = show, as_html

    def began(self, start: TrainingStart) -> None:
        """Show the bar."""
        self._start, self._step, self._rate = start, start.step, 0.0
        self._lines: dict[str, str] = {}
        self._picture = ""
        self._began_at = self._shown_at = time.monotonic()
        self._handle = self._show(self._html())

    def stepped(self, step: int) -> None:
        """Move the bar, at most twice a second."""
        self._step = step
        if time.monotonic() - self._shown_at > PAUSE:
            self._update()

    def reported(self, report: Report) -> None:
        """Show the values."""
        self._step, self._rate = report.step, report.steps_per_second
        self._lines |= {"losses": describe_losses(report), "values": describe_values(report)}
        if report.scores:
            self._lines["scores"] = f"step {report.step:,}: {describe_scores(report)}"

    def pictured(self, picture: Picture) -> None:
        """Show the picture."""
        image = picture.image
        if image.width > WIDEST:
            image = image.resize((WIDEST, max(1, image.height * WIDEST // image.width)))
        buffer = io.BytesIO()
        image.save(buffer, format="PNG")
        self._picture = f'<img src="{picture_url(buffer.getvalue())}" alt="samples at step {picture.step}">'

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Show what is wrong."""
        self._lines["diagnosis"] = str(diagnosis)

    def ended(self) -> None:
        """Leave the last state."""
        self._update()

    def _update(self) -> None:
        self._shown_at = time.monotonic()
        self._handle.update(self._as_html(self._html()))

    def _html(self) -> str:
        start, passed = self._start, time.monotonic() - self._began_at
        ahead = start.steps - self._step
        left = f", {lasting(ahead / self._rate)} left" if self._rate and ahead else ""
        epoch = self._step / start.steps_per_epoch
        place = f"{self._step:,}/{start.steps:,} epoch {epoch:.1f}, {lasting(passed)}{left}"
        bar = f'<progress value="{self._step}" max="{start.steps}"></progress> {escape(place)}'
        lines = (*start.title.splitlines(), *self._lines.values())
        return "<div>" + "<br>".join([bar, *map(escape, filter(None, lines)), self._picture]) + "</div>"
