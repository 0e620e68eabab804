"""What is kept of a training: its saves, its model, and the best one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.errors import TrainingFailed
from ganzoo.storage.files import NotWritten
from ganzoo.storage.model_file import write_model
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.checkpoints import go_back, refuse_non_finite, what_stands, write_checkpoint
from ganzoo.training.evaluator import Examiner
from ganzoo.training.trainer import Trainer

NOTHING: Mapping[str, Any] = MappingProxyType({})


@final
class Keeper:
    """Keeps what a training has come to; of several processes one writes.

    All that it writes is finite: else it raises :class:`TrainingFailed`, and what was written before stands.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        selection: Selection,
        data: Mapping[str, DataSpec],
        examiner: Examiner | None,
    ):
        self._folder, self._trainer, self._selection, self._data = folder, trainer, selection, data
        self._examiner = examiner
        self._leads = trainer.game.team.leads
        self._saved: tuple[int, str] = -1, ""  # the step of the model in the folder, and the sha256 of its weights

    def save(self) -> None:
        """Write a save, and the model as it is now."""
        if self._leads:
            with told_what_stands(self._folder):
                best = self._examiner.best_step if self._examiner is not None else None
                write_checkpoint(self._folder.checkpoints, self._trainer, self._selection, best)
                self._saved = self._trainer.step, self._write(self._folder.model)

    def examine(self) -> Mapping[str, float]:
        """Return the scores of the model as it is now, where somebody examines it, and keep it if it is the best."""
        return self._examiner.examine(self._trainer, self._write) if self._examiner is not None else {}

    def finish(self) -> str:
        """Return the sha256 of the weights of the model, which is written unless it is the one that was just saved."""
        step, sha256 = self._saved
        if self._leads and step != self._trainer.step:
            return self._write(self._folder.model)
        return sha256

    def go_back(self) -> int:
        """Bring the training to the newest save that was made at an interval, and return the number of its step."""
        return go_back(self._folder.checkpoints, self._trainer, self._selection.run.checkpoint_every)

    def _write(self, path: Path, more: Mapping[str, Any] = NOTHING) -> str:
        trainer = self._trainer
        with trainer.game.averages.in_place() as averaged:
            refuse_non_finite(averaged.state_dict(), trainer.step)
            trained = {"steps": trainer.step, "images": trainer.images, **more}
            return write_model(path, averaged, self._selection, self._data, trained)


@contextmanager
def told_what_stands(folder: RunFolder) -> Iterator[None]:
    """Say of a file that could not be written what is saved, and how to go on: raises :class:`TrainingFailed`."""
    try:
        yield
    except NotWritten as problem:
        raise TrainingFailed(
            f"{problem}: {what_stands(folder.checkpoints)}; make room or mend the disk, then go on with --resume"
        ) from problem
