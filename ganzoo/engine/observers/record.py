"""Observers that write into the run folder."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import IO, Any

from PIL import Image

from ganzoo import pictures
from ganzoo.engine.files import replacing, write_whole
from ganzoo.engine.observers.base import Observer, Picture, Report, Situation
from ganzoo.engine.runfolder import RunFolder
from ganzoo.errors import UserError

FRAMES = 100  # of an animation at most


class MetricsFile(Observer):
    """Writes ``metrics.jsonl``: one JSON object a line."""

    def began(self, situation: Situation) -> None:
        """Open the file, cut back to the step at which training begins."""
        path = situation.folder.metrics
        kept = [json.dumps(row) for row in read_rows(path) if row["step"] <= situation.step]
        write_whole(path, "".join(f"{row}\n" for row in kept).encode())
        self._file: IO[str] = path.open("a", encoding="utf-8")

    def reported(self, report: Report) -> None:
        """Write a row."""
        self._file.write(json.dumps(as_row(report)) + "\n")
        self._file.flush()

    def ended(self) -> None:
        """Close the file."""
        self._file.close()


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.jsonl``; a last line that was cut off is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            break
    return rows


def as_row(report: Report) -> dict[str, Any]:
    """Return the row of ``metrics.jsonl`` for a report."""
    return {
        "step": report.step,
        "seconds": round(report.seconds, 3),
        "images": report.images,
        "terms": report.terms,
        "values": report.values,
        "learning_rates": report.learning_rates,
        "scores": report.scores,
    }


class PictureFiles(Observer):
    """Writes ``samples/step-….png``, and at the end ``samples.gif`` and ``curves.png``."""

    def began(self, situation: Situation) -> None:
        """Remember where to write."""
        self._folder: RunFolder = situation.folder

    def pictured(self, picture: Picture) -> None:
        """Write a picture."""
        write_whole(self._folder.samples / f"step-{picture.step:08d}.png", png(picture.image))

    def ended(self) -> None:
        """Write the animation and the curves."""
        found = sorted(self._folder.samples.glob("step-*.png"))
        if found:
            every = -(-len(found) // FRAMES)
            shown = found[::-1][::every][::-1]
            with replacing(self._folder.animation) as temporary:
                pictures.animate(shown, temporary)
        rows = read_rows(self._folder.metrics)
        if rows:
            write_whole(self._folder.curves, png(pictures.curves(rows)))


class TensorBoardEvents(Observer):
    """Writes scalars and image grids as TensorBoard events; needs the extra ``ganzoo[tensorboard]``."""

    def __init__(self) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as problem:
            raise UserError(
                f"--tensorboard needs a package that is not installed ({problem}): pip install 'ganzoo[tensorboard]'"
            ) from problem
        self._make: Any = SummaryWriter

    def began(self, situation: Situation) -> None:
        """Open the events."""
        self._writer = self._make(str(situation.folder.events))

    def reported(self, report: Report) -> None:
        """Write the scalars."""
        for phase, terms in report.terms.items():
            for name, value in terms.items():
                self._writer.add_scalar(f"{phase}/{name}", value, report.step)
        for name, value in report.values.items():
            self._writer.add_scalar(f"values/{name}", value, report.step)
        for phase, rate in report.learning_rates.items():
            self._writer.add_scalar(f"learning_rate/{phase}", rate, report.step)
        for label, value in report.scores.items():
            self._writer.add_scalar(f"scores/{label}", value, report.step)
        self._writer.add_scalar("speed/steps_per_second", report.rate, report.step)

    def pictured(self, picture: Picture) -> None:
        """Write the grid."""
        import numpy as np

        self._writer.add_image("samples", np.asarray(picture.image), picture.step, dataformats="HWC")

    def ended(self) -> None:
        """Close the events."""
        self._writer.close()


def png(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
