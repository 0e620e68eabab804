"""What a training writes down of itself: checkpoints, its model, and the best model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, final

from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.health.finite import refuse_non_finite
from ganzoo.storage.model_file import write_model
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.checkpoints import go_back, write_checkpoint
from ganzoo.training.evaluator import TrainingEvaluator
from ganzoo.training.failures import unwritten_explained
from ganzoo.training.trainer import Saves, Trainer

NOTHING: Mapping[str, Any] = MappingProxyType({})


@final
class Checkpointer(Saves):
    """Writes the checkpoints and models of a training into its run folder; of several processes one writes.

    All that it writes is finite: else it raises :class:`~ganzoo.errors.TrainingFailed`, and what was written before
    stands.
    """

    def __init__(
        self,
        folder: RunFolder,
        trainer: Trainer,
        selection: Selection,
        data: Mapping[str, DataSpec],
        evaluator: TrainingEvaluator | None,
    ):
        self._folder, self._trainer, self._selection, self._data = folder, trainer, selection, data
        self._evaluator = evaluator
        self._leads = trainer.train_step.processes.leads
        self._saved: tuple[int, str] = -1, ""  # the step of the model in the folder, and the sha256 of its weights

    def save(self) -> None:
        """Write a checkpoint, and the model as it is now."""
        if self._leads:
            with unwritten_explained(self._folder):
                best = self._evaluator.best_step if self._evaluator is not None else None
                write_checkpoint(self._folder.checkpoints, self._trainer, self._selection, best)
                self._saved = self._trainer.step, self._write(self._folder.model)

    def evaluate(self) -> Mapping[str, float]:
        """Return the scores of the model as it is now, where somebody evaluates it, and keep it if it is the best."""
        return self._evaluator.evaluate(self._trainer, self._write) if self._evaluator is not None else {}

    def go_back(self) -> int:
        """Bring the training to the newest checkpoint that was made at an interval, and return its step."""
        return go_back(self._folder.checkpoints, self._trainer, self._selection.run.checkpoint_every)

    def finish(self) -> str:
        """Return the sha256 of the weights of the model, which is written unless it is the one that was just saved."""
        step, sha256 = self._saved
        if self._leads and step != self._trainer.step:
            return self._write(self._folder.model)
        return sha256

    def _write(self, path: Path, more: Mapping[str, Any] = NOTHING) -> str:
        trainer = self._trainer
        with trainer.train_step.ema.in_place() as averaged:
            refuse_non_finite(averaged.state_dict(), trainer.step)
            trained = {"steps": trainer.step, "images": trainer.images, **more}
            return write_model(path, averaged, self._selection, self._data, trained)
