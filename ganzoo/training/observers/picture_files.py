"""Writes the pictures of a run: samples, animation and curves."""

from __future__ import annotations

from ganzoo import pictures
from ganzoo.drawing import png
from ganzoo.storage.files import replacing, write_atomically
from ganzoo.storage.metric_rows import read_reports
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.observers.base import Observer, Picture, TrainingStart

MAX_FRAMES = 100  # of an animation


class PictureFiles(Observer):
    """Writes ``samples/step-….png``, and at the end ``samples.gif``."""

    def began(self, start: TrainingStart) -> None:
        """Store the run folder."""
        self._folder: RunFolder = start.folder

    def pictured(self, picture: Picture) -> None:
        """Write a picture."""
        write_atomically(self._folder.picture(picture.step), png(picture.image))

    def ended(self) -> None:
        """Write the animation."""
        paths = sorted(self._folder.samples.glob("step-*.png"))
        if paths:
            every = -(-len(paths) // MAX_FRAMES)
            frames = paths[::-1][::every][::-1]
            with replacing(self._folder.animation) as file:
                pictures.animate(frames, file)


class CurvesFile(Observer):
    """Writes ``curves.png`` at the end."""

    def began(self, start: TrainingStart) -> None:
        """Store the run folder."""
        self._folder: RunFolder = start.folder

    def ended(self) -> None:
        """Draw the rows of ``metrics.jsonl``."""
        rows = read_reports(self._folder.metrics)
        if rows:
            write_atomically(self._folder.curves, png(pictures.curves(rows)))
