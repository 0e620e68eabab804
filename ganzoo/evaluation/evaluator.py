"""Evaluates models with the same metrics, judge and real examples."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.batches.fingerprint import Fingerprint
from ganzoo.catalogue.data import Field
from ganzoo.catalogue.evaluation_plan import EvaluationPlan, asks_judge
from ganzoo.catalogue.options import values_of
from ganzoo.catalogue.registry import Part
from ganzoo.contract.judge import Examples, Judge, Track, untracked
from ganzoo.contract.metric import ClassShares, Estimate, Metric, MetricValues
from ganzoo.contract.recipe import Output, Recipe
from ganzoo.errors import Refused, UserError
from ganzoo.evaluation.figures import RANKED_AIMS, Evaluation, Figure, by_class, finite, label, split_estimate
from ganzoo.evaluation.floors import FloorCache
from ganzoo.evaluation.judge_cache import DIGITS, TrainedJudge, new_judge, no_judge, trained_judge, weak_classes
from ganzoo.evaluation.metric_context import CachedMetricContext
from ganzoo.evaluation.reference_data import ReferenceData, check_output
from ganzoo.evaluation.sampling import generate_examples
from ganzoo.health.memory import advise_fewer
from ganzoo.randomness import global_generator, process_numerics
from ganzoo.step.precision import Precision
from ganzoo.text import listed, quoted

WEAK = 5  # classes that are named in a message


@final
class Evaluator:
    """Metrics, a judge and real examples, ready to evaluate any model that generates such examples."""

    def __init__(
        self,
        metrics: Sequence[tuple[Part, Metric]],
        reference: ReferenceData,
        judge: TrainedJudge,
        new_judge: Callable[[], Judge],
        track: Track,
    ):
        self._metrics, self._reference, self.judge = tuple(metrics), reference, judge
        self._context = CachedMetricContext(reference, judge.judge, new_judge, track)
        self._floors = FloorCache(judge, self._context, reference)

    @property
    def leading(self) -> str:
        """The label of the figure that selects the best model: the first one that has an order of better and worse."""
        named = (
            (metric, name) for _, metric in self._metrics for name, aim in metric.figures.items() if aim in RANKED_AIMS
        )
        metric, name = next(named, (self._metrics[0][1], ""))
        return label(name, self.judge.name if metric.judged else "")

    def difference(self, trained_on: Fingerprint) -> str:
        """Return how the data differs from what a model was trained on, as a sentence; empty if it does not."""
        return self._reference.difference(trained_on)

    def conditions(self, count: int) -> Tensor | None:
        """Return conditions (count, …) for generated examples, with the frequencies of the real ones."""
        return self._reference.conditions(count)

    def empty_evaluation(self, samples: int) -> Evaluation:
        """Return an evaluation of ``samples`` examples without figures: the conditions under which it is computed."""
        # These keys are part of the JSON format of an evaluation.
        reference, accuracy = self._reference, self.judge.accuracy
        judge: dict[str, Any] = {"name": self.judge.name, "accuracy": accuracy, "learnt_from": self.judge.learnt_from}
        if isinstance(accuracy, ClassShares):
            each = zip(reference.class_names, accuracy.of_classes, accuracy.all, strict=False)
            judge["balanced"] = accuracy.balanced
            judge["classes"] = {name: {"accuracy": share, "examples": count} for name, share, count in each}
        return Evaluation(
            reference.name, reference.choices, reference.split, reference.fingerprint[:DIGITS],
            samples, len(reference.real), judge, (),
        )  # fmt: skip

    def drop_metrics_with_too_few(self, samples: int, say: Callable[[str], None]) -> None:
        """Drop the metrics that need more examples than there are, and report them; if none would be left, keep all."""
        shortages = [(part, metric, list(self._shortages(part, metric, samples))) for part, metric in self._metrics]
        kept = tuple((part, metric) for part, metric, problems in shortages if not problems)
        if kept:
            self._metrics = kept
            for problem in (problem for _, _, problems in shortages for problem in problems):
                say(f"{problem}; left out")

    def refuse_too_few(self, samples: int) -> None:
        """Raise :class:`Refused` if a metric needs more than ``samples`` generated examples, or more real ones."""
        problems = [problem for part, metric in self._metrics for problem in self._shortages(part, metric, samples)]
        if problems:
            raise Refused(problems)

    def missing_floors(self) -> Iterator[str]:
        """Yield a sentence for each metric that has no floor, because there are too few real examples."""
        for part, metric in self._metrics:
            with part.attributed():
                minimum = metric.minimum_examples(self._context)
            if len(self._reference.real) // 2 < minimum:
                yield (
                    f"{part.label} has no value of real examples to compare with: each half of the "
                    f"{len(self._reference.real)} needs {minimum}"
                )

    def prepare(self) -> None:
        """Compute the floors, so that a metric that cannot be computed is found before any model is evaluated."""
        for part, metric in self._metrics:
            self._floor(part, metric)
        self._floors.save()

    def _floor(self, part: Part, metric: Metric) -> MetricValues:
        with reproducible_numerics(self._reference.device), part.attributed():
            return self._floors.floor(part, metric)

    def _shortages(self, part: Part, metric: Metric, samples: int) -> Iterator[str]:
        with part.attributed():
            minimum = metric.minimum_examples(self._context)
        real, data = len(self._reference.real), self._reference.label
        if samples < minimum:
            yield f"{part.label} is not meaningful with {samples} samples: generate at least {minimum}"
        if real < minimum:
            yield f"{part.label} needs {minimum} real examples, and {data} has {real}: choose other metrics"

    def evaluate(
        self, recipe: Recipe, samples: int, seed: int, track: Track = untracked, output: str = ""
    ) -> Evaluation:
        """Return the figures of ``samples`` examples that ``recipe`` generates, which must be in evaluation mode.

        ``output`` names one of its outputs; without a name it is the first one.
        """
        name = output or next(iter(recipe.outputs))
        condition = recipe.outputs[name].condition
        field = recipe.field(condition) if condition else None
        with advise_fewer(f"{samples} samples", self._reference.device):
            conditions = self.conditions(samples) if field is not None else None
            with reproducible_numerics(self._reference.device):  # whatever the precision of a training around it
                values = generate_examples(recipe, samples, conditions, seed, track, output=name)
            if field is None or conditions is None:
                return self.measure(Examples(values))
            conditions = conditions.to(values.device)
            if field.classes:
                return self.measure(Examples(values, conditions, conditions))
            return self.measure(Examples(values, None, conditions, self._reference.truth(samples)))

    def measure(self, generated: Examples) -> Evaluation:
        """Return the figures of generated examples from any source."""
        self.refuse_too_few(len(generated))
        real, figures = self._reference.real, list[Figure]()
        for part, metric in self._metrics:
            floor = self._floor(part, metric)
            with reproducible_numerics(self._reference.device), part.attributed():
                values = metric.measure(generated, real, self._context)
            figures += [self._figure(part, metric, name, values[name], floor.get(name)) for name in metric.figures]
        self._floors.save()
        return dataclasses.replace(self.empty_evaluation(len(generated)), figures=tuple(figures))

    def _figure(
        self, part: Part, metric: Metric, name: str, measured: float | Estimate, floor: float | Estimate | None
    ) -> Figure:
        value, error = split_estimate(measured)
        if not math.isfinite(value):
            raise UserError(f"{part.label} gives {value} for {name}: the generated examples cannot be measured")
        real, real_error = split_estimate(floor) if floor is not None else (None, None)
        return Figure(
            metric=part.component.name,
            options=values_of(part.config),
            name=name,
            judge=self.judge.name if metric.judged else "",
            value=value,
            error=finite(error),
            floor=finite(real),
            floor_error=finite(real_error),
            aim=metric.figures[name],
            classes=by_class(measured, floor, self._reference.class_names),
        )


def open_evaluator(
    plan: EvaluationPlan,
    root: Path,
    output: Field,
    condition: Field | None,
    device: torch.device,
    track: Track,
    say: Callable[[str], None],
    samples: int,
    describe: Callable[[str], None] = lambda text: None,
    generates: Output | None = None,
) -> Evaluator:
    """Return the evaluator of models that generate ``output`` from ``condition``; trains the judge if it is not cached.

    ``describe`` is told what the data is. ``generates`` names the fields of the data that are its output and its
    condition, by default the target and the condition. If the user named no metric, those that need more than
    ``samples`` generated examples are left out. Raises
    :class:`UserError` if the data, the judge, the metrics and the model do not fit together.
    """
    reference = ReferenceData(plan, root, device, condition, describe, generates)
    if reference.note:
        say(reference.note)
    check_output(plan.dataset, reference.spec, output, condition)
    conditioning = {"model:class"} if condition is not None and condition.classes else set()
    data = {*reference.provides} | ({"condition:class"} if reference.classes is not None else set())
    fitting = plan.fitting(data, conditioning)
    available = [(part, _metric(part)) for part in fitting.metrics]
    metrics = [(part, metric) for part, metric in available if plan.asked or not metric.thorough]
    if not plan.asked:
        metrics.sort(key=lambda pair: not pair[1].selects_best)
    needs_judge = any(metric.judged or asks_judge(part) for part, metric in metrics)
    if needs_judge:
        plan.refuse_unfit_judge(data)
        if plan.tells_classes and len(reference.class_names) == 1:
            raise UserError(
                f"{plan.judge.label} learns to tell classes apart, and {reference.label} has one, "
                f"{quoted(reference.class_names[0])}: give --judge plain, or use data with more classes"
            )
    with reproducible_numerics(device):
        judge = trained_judge(plan.judge, reference, device, track, say) if needs_judge else no_judge(reference)
    if weak := weak_classes(judge, reference.class_names):
        say(
            f"the judge is of little use for {listed(weak, WEAK)}: it recognises few of their real examples, or none "
            "was left to test it; figures say little about these classes, so add real examples of them"
        )
    evaluator = Evaluator(metrics, reference, judge, lambda: new_judge(plan.judge, reference, device), track)
    if not plan.asked:
        evaluator.drop_metrics_with_too_few(samples, say)
    evaluator.refuse_too_few(samples)
    for problem in evaluator.missing_floors():
        say(problem)
    return evaluator


@contextmanager
def reproducible_numerics(device: torch.device) -> Iterator[None]:
    """In the block, compute in float32, and leave torch's global random state unchanged afterwards.

    No other thread trains meanwhile: precision and random state are those of the whole process.
    """
    devices = range(torch.cuda.device_count())
    with ExitStack() as stack:
        stack.enter_context(process_numerics)
        stack.enter_context(global_generator)
        stack.enter_context(Precision("fp32", device).set())
        stack.enter_context(torch.autocast(device.type, enabled=False))
        stack.enter_context(torch.random.fork_rng(devices))
        yield


def _metric(part: Part) -> Metric:
    metric: Any = SelectedParts({part.slot.name: part}).build(part.slot.name)
    assert isinstance(metric, Metric)
    return metric
