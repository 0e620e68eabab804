"""Observers that write into the run folder."""

from __future__ import annotations

import io
import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from PIL import Image

from ganzoo import pictures
from ganzoo.engine.observers.base import Observer, Picture, Report, Situation
from ganzoo.engine.runfolder import RunFolder
from ganzoo.errors import UserError
from ganzoo.files import Journal, read_file, replacing, write_whole

FRAMES = 100  # of an animation at most
LONGEST = 2**30  # bytes of a file of metrics
LARGEST = 1e300  # finite number in it


class MetricsFile(Observer):
    """Writes ``metrics.jsonl``: one JSON object a line."""

    def began(self, situation: Situation) -> None:
        """Open the file, cut back to the step at which training begins, and mended where it is damaged."""
        path = situation.folder.metrics
        try:
            kept = [json.dumps(row) for row in _reports(path) if row["step"] <= situation.step]
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(
                f"{path} cannot be read: {reason}; move it away, and the run goes on without it"
            ) from problem
        write_whole(path, "".join(f"{row}\n" for row in kept).encode())
        self._journal = Journal(path)

    def reported(self, report: Report) -> None:
        """Write a row."""
        self._journal.append(json.dumps(as_row(report)))

    def ended(self) -> None:
        """Close the file."""
        self._journal.close()


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file with one a line; lines that are none, such as one cut off, are left out.

    Raises ``OSError`` where there is a file that cannot be read.
    """
    try:
        lines = read_file(path, LONGEST).split(b"\n")
    except FileNotFoundError:
        return []
    return [row for line in lines if isinstance(row := _value(line), dict)]


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _reports(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.jsonl`` that tell of a step."""
    return [row for row in read_rows(path) if _is_report(row)]


def _is_report(row: Mapping[str, Any]) -> bool:
    match row:
        case {"step": int() as step, "terms": dict() as terms, "values": dict() as values}:
            return _are_numbers({"step": step}, values, row.get("scores", {}), *terms.values())
    return False


def _are_numbers(*found: Any) -> bool:
    return all(isinstance(named, dict) and all(map(_is_number, named.values())) for named in found)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and not LARGEST < abs(value) < math.inf


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


@final
class Dispensable(Observer):
    """Lets a training go on without what ``observer`` cannot write; the first such failure is told."""

    def __init__(self, observer: Observer, warn: Callable[[str], None]):
        self._observer, self._warn = observer, warn
        self._works, self._told = True, False

    def began(self, situation: Situation) -> None:
        """Let it begin; one that cannot is left alone from then on."""
        self._works = False
        with self._forgiving():
            self._observer.began(situation)
            self._works = True

    def stepped(self, step: int) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.stepped(step)

    def reported(self, report: Report) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.reported(report)

    def pictured(self, picture: Picture) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.pictured(picture)

    def ended(self) -> None:
        """Tell it."""
        if self._works:
            with self._forgiving():
                self._observer.ended()

    @contextmanager
    def _forgiving(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            if not self._told:
                self._warn(f"left out, as others like it may be: {problem}")
            self._told = True


class PictureFiles(Observer):
    """Writes ``samples/step-….png``, and at the end ``samples.gif``."""

    def began(self, situation: Situation) -> None:
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

    def began(self, situation: Situation) -> None:
        """Remember where to write."""
        self._folder: RunFolder = situation.folder

    def ended(self) -> None:
        """Draw the rows of ``metrics.jsonl``."""
        rows = _reports(self._folder.metrics)
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
        self._usual = threading.excepthook
        threading.excepthook = self._thread_failed
        try:
            # Events after the save that the run goes on from will come again.
            again = situation.step + 1 if situation.step else 0
            self._writer = self._make(str(situation.folder.events), purge_step=again)
        except OSError:
            threading.excepthook = self._usual
            raise

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
        try:
            self._writer.close()
        finally:
            threading.excepthook = self._usual

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        # The library's thread keeps what it could not write for the next call, and Python would print it besides.
        if not (issubclass(failure.exc_type, OSError) and type(failure.thread).__module__.startswith("tensorboard.")):
            self._usual(failure)


def png(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
