"""Writes the checkpoints, the model and the best model of a training into its run folder."""

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
from ganzoo.training.checkpoints import roll_back, write_checkpoint
from ganzoo.training.evaluator import TrainingEvaluator
from ganzoo.training.failures import explain_write_failure
from ganzoo.training.trainer import Checkpointing, Trainer

NOTHING: Mapping[str, Any] = MappingProxyType({})


@final
class Checkpointer(Checkpointing):
    """Writes the checkpoints and models of a training into its run folder; only the first process writes.

    It writes finite weights only: otherwise it raises :class:`~ganzoo.errors.TrainingFailed`, and earlier files stay.
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
        self._leads = trainer.train_step.processes.is_first
        self._saved: tuple[int, str] = -1, ""  # the step of the model in the folder, and the sha256 of its weights

    def save(self) -> None:
        """Write a checkpoint and the current model."""
        if self._leads:
            with explain_write_failure(self._folder):
                best = self._evaluator.best_step if self._evaluator is not None else None
                write_checkpoint(self._folder.checkpoints, self._trainer, self._selection, best)
                self._saved = self._trainer.step, self._write(self._folder.model)

    def evaluate(self) -> Mapping[str, float]:
        """Return the scores of the current model, if it is evaluated, and write it if it is the best so far."""
        return self._evaluator.evaluate(self._trainer, self._write) if self._evaluator is not None else {}

    def roll_back(self) -> int:
        """Restore the training from the newest checkpoint that was made at an interval, and return its step."""
        return roll_back(
            self._folder.checkpoints, self._trainer, self._trainer.in_steps(self._selection.run.checkpoint_every)
        )

    def finish(self) -> str:
        """Return the sha256 of the model's weights; write the model, unless the last checkpoint did."""
        step, sha256 = self._saved
        if self._leads and step != self._trainer.step:
            return self._write(self._folder.model)
        return sha256

    def _write(self, path: Path, more: Mapping[str, Any] = NOTHING) -> str:
        trainer = self._trainer
        with trainer.train_step.ema.swapped_in() as averaged:
            refuse_non_finite(averaged.state_dict(), trainer.step)
            trained = {"steps": trainer.step, "images": trainer.images, **more}
            batches = trainer.train_step.batches
            fingerprints = {slot: slot_batches.fingerprint for slot, slot_batches in batches.items()}
            return write_model(path, averaged, self._selection, self._data, trained, fingerprints)
