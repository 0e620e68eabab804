"""Evaluating a training while it goes on, and keeping its best model."""

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
    """Examines the averaged networks of a training; the best model by the first figure is kept."""

    def __init__(self, evaluator: Evaluator, samples: int, seed: int, best: BestModel, warn: Callable[[str], None]):
        self._examination, self._samples, self._seed = evaluator, samples, seed
        self._best, self._warn = best, warn

    @property
    def best_step(self) -> int | None:
        """After how many steps the best model so far was found, if there is one."""
        return self._best.step

    def go_on(self, step: int) -> None:
        """Take up the best model so far of a run that goes on after ``step``.

        Raises :class:`UserError` where it was chosen in another way.
        """
        self._best.go_on(step, self._examination.outline(self._samples), self._examination.leading)

    def evaluate(self, trainer: Trainer, write: Write) -> Mapping[str, float]:
        """Return the scores of the model as it is now; what cannot be measured is told, and stops no training."""
        try:
            with trainer.train_step.ema.in_place() as recipe:
                found = self._examination.evaluate(recipe, self._samples, self._seed)
            self._best.offer(found, trainer.step, self._examination.leading, write)
        except UserError as problem:
            self._warn(f"not evaluated at step {trainer.step}: {problem}")
            return {}
        return {figure.label: figure.value for figure in found.figures}


def open_training_evaluator(
    selection: Selection,
    trainer: Trainer,
    best: Path,
    track: Track,
    warn: Callable[[str], None],
) -> TrainingEvaluator:
    """Return the examiner of a training that asks for one; raises :class:`UserError` where it cannot be evaluated.

    A judge that has to be trained first is trained here, and ``track`` shows that.
    """
    opened = False

    def shown_at_first(items: Iterable[T], what: str, count: int) -> Iterable[T]:
        # Once the training goes, an evaluation is part of its step, and shown as a score.
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
