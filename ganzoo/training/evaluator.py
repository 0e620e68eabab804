"""Evaluates the model during a training, and keeps the best one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, final

from ganzoo.assembly.dry_run import evaluation_plan_of
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.judge import Track
from ganzoo.errors import UserError
from ganzoo.evaluation import Evaluator, open_evaluator
from ganzoo.training.best_model import BestModel
from ganzoo.training.trainer import Trainer

T = TypeVar("T")
Write = Callable[[Path, Mapping[str, Any]], object]


@final
class TrainingEvaluator:
    """Evaluates the averaged networks of a training; the best model by the leading figure is kept."""

    def __init__(self, evaluator: Evaluator, samples: int, seed: int, best: BestModel, warn: Callable[[str], None]):
        self._evaluator, self._samples, self._seed = evaluator, samples, seed
        self._best, self._warn = best, warn

    @property
    def best_step(self) -> int | None:
        """The step of the best model so far, or ``None`` if there is none."""
        return self._best.step

    def resume(self, step: int, data_changed: bool) -> None:
        """Continue from the best model so far of a run that is resumed after ``step``.

        Raises :class:`UserError` if that model was selected in another way. If it was compared with other examples than
        there are now, because the ``data_changed``, it is kept in another file.
        """
        conditions, leading = self._evaluator.empty_evaluation(self._samples), self._evaluator.leading
        try:
            self._best.resume(step, conditions, leading)
        except UserError:
            if not data_changed:
                raise
            self._warn(
                f"the best model so far was compared with other examples: it is kept as {self._best.set_aside()}"
            )

    def evaluate(self, trainer: Trainer, write: Write) -> Mapping[str, float]:
        """Return the scores of the current model by label; a failed evaluation is a warning, and ends no training."""
        try:
            with trainer.train_step.ema.swapped_in() as recipe:
                evaluation = self._evaluator.evaluate(recipe, self._samples, self._seed)
            self._best.offer(evaluation, trainer.step, self._evaluator.leading, write)
        except UserError as problem:
            self._warn(f"not evaluated at step {trainer.step}: {problem}")
            return {}
        return {figure.label: figure.value for figure in evaluation.figures}


def open_training_evaluator(
    selection: Selection,
    trainer: Trainer,
    best: Path,
    track: Track,
    warn: Callable[[str], None],
) -> TrainingEvaluator:
    """Return the evaluator of a training; raises :class:`UserError` if its model cannot be evaluated.

    Trains the judge if it is not cached; ``track`` shows the progress.
    """
    opened = False

    def shown_at_first(items: Iterable[T], what: str, count: int) -> Iterable[T]:
        # During the training an evaluation is part of a step, and shows no progress of its own.
        return items if opened else track(items, what, count)

    settings, recipe = selection.run, trainer.train_step.recipe
    plan = evaluation_plan_of(selection, recipe)
    evaluator = open_evaluator(
        plan, settings.data_root, recipe.output_field, recipe.condition_field, trainer.device, shown_at_first,
        warn, settings.evaluate_samples,
    )  # fmt: skip
    evaluator.prepare()
    opened = True
    return TrainingEvaluator(evaluator, settings.evaluate_samples, settings.seed, BestModel(best), warn)
