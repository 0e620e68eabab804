"""Pictures of samples, the animation and the curves of a run."""

from __future__ import annotations

from ganzoo import pictures
from ganzoo.pictures import png
from ganzoo.storage.files import replacing, write_whole
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.observers.base import Observer, Picture, TrainingStart
from ganzoo.training.observers.metrics_file import _reports

FRAMES = 100  # of an animation at most


class PictureFiles(Observer):
    """Writes ``samples/step-….png``, and at the end ``samples.gif``."""

    def began(self, situation: TrainingStart) -> None:
        """Remember where to write."""
        self._folder: RunFolder = situation.folder

    def pictured(self, picture: Picture) -> None:
        """Write a picture."""
        write_whole(self._folder.samples / f"step-{picture.step:08d}.png", png(picture.image))

    def ended(self) -> None:
        """Write the animation."""
        found = sorted(self._folder.samples.glob("step-*.png"))
        if found:
            every = -(-len(found) // FRAMES)
            shown = found[::-1][::every][::-1]
            with replacing(self._folder.animation) as file:
                pictures.animate(shown, file)


class CurvesFile(Observer):
    """Writes ``curves.png`` at the end."""

    def began(self, situation: TrainingStart) -> None:
        """Remember where to write."""
        self._folder: RunFolder = situation.folder

    def ended(self) -> None:
        """Draw the rows of ``metrics.jsonl``."""
        rows = _reports(self._folder.metrics)
        if rows:
            write_whole(self._folder.curves, png(pictures.curves(rows)))
