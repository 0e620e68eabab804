"""Writes TensorBoard events."""

from __future__ import annotations

import threading
from typing import Any, final

from ganzoo.plugin import Config, Observer, Picture, Report, TrainingStart, UserError
from ganzoo_tensorboard.scalars import scalars


@final
class TensorBoardEvents(Observer):
    """Writes scalars and image grids as TensorBoard events; needs the extra ``ganzoo[tensorboard]``."""

    def __init__(self, config: Config):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as problem:
            raise UserError(
                f"--tensorboard needs a package that is not installed ({problem}): pip install 'ganzoo[tensorboard]'"
            ) from problem
        self._writer_class: Any = SummaryWriter

    def began(self, start: TrainingStart) -> None:
        """Open the events."""
        self._previous_hook = threading.excepthook
        threading.excepthook = self._thread_failed
        try:
            # A resumed run writes the events after its checkpoint again.
            first_step = start.step + 1 if start.step else 0
            self._writer = self._writer_class(str(start.folder.events), purge_step=first_step)
        except OSError:
            threading.excepthook = self._previous_hook
            raise

    def reported(self, report: Report) -> None:
        """Write the scalars."""
        for name, value in scalars(report):
            self._writer.add_scalar(name, value, report.step)

    def pictured(self, picture: Picture) -> None:
        """Write the grid."""
        import numpy as np

        self._writer.add_image("samples", np.asarray(picture.image), picture.step, dataformats="HWC")

    def ended(self) -> None:
        """Close the events."""
        try:
            self._writer.close()
        finally:
            threading.excepthook = self._previous_hook

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        # The library raises an OSError of its thread again in its next call; Python would also print it.
        if not (issubclass(failure.exc_type, OSError) and type(failure.thread).__module__.startswith("tensorboard.")):
            self._previous_hook(failure)
