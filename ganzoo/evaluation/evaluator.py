"""Examining model after model by the same metrics, judge and data."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue.data import Field
from ganzoo.catalogue.evaluation_plan import EvaluationPlan, asks_judge
from ganzoo.catalogue.options import values_of
from ganzoo.catalogue.registry import Part, part_to_json
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, Track, untracked
from ganzoo.contract.metric import Estimate, Metric, MetricValues
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import Refused, UserError
from ganzoo.evaluation.figures import GOOD, Evaluation, Figure, finite, label, split_estimate
from ganzoo.evaluation.judge_cache import DIGITS, TrainedJudge, cache_folder, new_judge, no_judge, trained_judge
from ganzoo.evaluation.metric_context import CachedMetricContext
from ganzoo.evaluation.reference_data import ReferenceData, check_output
from ganzoo.evaluation.sampling import make_examples
from ganzoo.health.memory import fewer_advised
from ganzoo.step.precision import Precision
from ganzoo.storage.sealed import read_sealed, write_sealed

KEY = "ganzoo-reference"
LARGEST = 2**26  # bytes of opinions that are worth keeping; more are asked for again


@final
class Evaluator:
    """Metrics with a judge and the real examples, ready for any model that makes such examples."""

    def __init__(
        self,
        metrics: Sequence[tuple[Part, Metric]],
        reference: ReferenceData,
        judge: TrainedJudge,
        pupil: Callable[[], Judge],
        track: Track,
    ):
        self._metrics, self._reference, self.judge = tuple(metrics), reference, judge
        self._context = CachedMetricContext(reference, judge.judge, pupil, track)
        self._floors = _Floors(judge, self._context, reference)

    @property
    def leading(self) -> str:
        """The label of the figure by which a best model is chosen: the first of which it is known what is better."""
        named = ((metric, name) for _, metric in self._metrics for name, aim in metric.figures.items() if aim in GOOD)
        metric, name = next(named, (self._metrics[0][1], ""))
        return label(name, self.judge.name if metric.judged else "")

    def conditions(self, count: int) -> Tensor | None:
        """Return conditions (count, …) for examples to make, such as the real ones have."""
        return self._reference.conditions(count)

    def outline(self, samples: int) -> Evaluation:
        """Return what an evaluation of ``samples`` examples will say besides its figures."""
        judge = {"name": self.judge.name, "accuracy": self.judge.accuracy, "learnt_from": self.judge.learnt_from}
        reference = self._reference
        return Evaluation(
            reference.name, reference.choices, reference.split, reference.fingerprint[:DIGITS],
            samples, len(reference.real), judge, (),
        )  # fmt: skip

    def leave_out(self, samples: int, say: Callable[[str], None]) -> None:
        """Leave out the metrics for which there are too few examples, and say so, unless that is all of them."""
        problems = [(part, metric, list(self._starving(part, metric, samples))) for part, metric in self._metrics]
        kept = tuple((part, metric) for part, metric, said in problems if not said)
        if kept:
            self._metrics = kept
            for said in (said for _, _, found in problems for said in found):
                say(f"{said}; left out")

    def refuse_too_few(self, samples: int) -> None:
        """Raise :class:`Refused` where a metric means nothing with so many made or real examples."""
        found = [said for part, metric in self._metrics for said in self._starving(part, metric, samples)]
        if found:
            raise Refused(found)

    def prepare(self) -> None:
        """Compute what real examples get, so that what a metric lacks is known before a model is made."""
        for part, metric in self._metrics:
            self._floor(part, metric)
        self._floors.keep()

    def _floor(self, part: Part, metric: Metric) -> MetricValues:
        with same_numbers(self._reference.device), part.attributed():
            return self._floors.of(part, metric)

    def _starving(self, part: Part, metric: Metric, samples: int) -> Iterator[str]:
        with part.attributed():
            least = metric.least(self._context)
        real, data = len(self._reference.real), self._reference.label
        if samples < least:
            yield f"{part.label} means nothing with {samples} samples: make at least {least}"
        if real < least:
            yield f"{part.label} needs {least} real examples, and {data} has {real}: ask for other metrics"

    def evaluate(self, recipe: Recipe, samples: int, seed: int, track: Track = untracked) -> Evaluation:
        """Return the figures of ``samples`` examples that ``recipe``, in evaluation mode, makes."""
        field = recipe.condition_field
        with fewer_advised(f"{samples} samples", self._reference.device):
            conditions = self.conditions(samples) if field is not None else None
            values = make_examples(recipe, samples, conditions, seed, track)
            asked = field is not None and field.kind == "class"
            labels = conditions.to(values.device) if asked and conditions is not None else None
            return self.measure(Examples(values, labels))

    def measure(self, made: Examples) -> Evaluation:
        """Return the figures of examples, wherever they come from."""
        self.refuse_too_few(len(made))
        real, figures = self._reference.real, list[Figure]()
        for part, metric in self._metrics:
            floor = self._floor(part, metric)
            with same_numbers(self._reference.device), part.attributed():
                found = metric.measure(made, real, self._context)
            figures += [self._figure(part, metric, name, found[name], floor.get(name)) for name in metric.figures]
        self._floors.keep()
        return dataclasses.replace(self.outline(len(made)), figures=tuple(figures))

    def _figure(
        self, part: Part, metric: Metric, name: str, found: float | Estimate, floor: float | Estimate | None
    ) -> Figure:
        value, error = split_estimate(found)
        if not math.isfinite(value):
            raise UserError(f"{part.label} gave {value} for {name}: the model makes no examples that can be measured")
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
        )


class _Floors:
    """What real examples get, and what the judge says of them: computed once for a judge, and kept in a file."""

    def __init__(self, judge: TrainedJudge, context: CachedMetricContext, reference: ReferenceData):
        self._context, self._real = context, reference.real
        self._path = cache_folder() / "judges" / f"{reference.name}-{judge.identity[:16]}-reference.safetensors"
        self._identity = {"judge": judge.name, "real": reference.fingerprint}
        self._judged = bool(judge.name)
        self._found: dict[str, MetricValues] = {}
        self._new = not self._read()

    def of(self, part: Part, metric: Metric) -> MetricValues:
        """Return the figures of real examples by one metric."""
        name = hashlib.sha256(json.dumps(part_to_json(part), sort_keys=True).encode()).hexdigest()
        if name not in self._found:
            # Half of the examples must be enough, or the floor would mean as little as a value of too few.
            enough = len(self._real) // 2 >= metric.least(self._context)
            self._found[name] = metric.floor(self._real, self._context) if enough else {}
            self._new = True
        return self._found[name]

    def keep(self) -> None:
        """Write what is new; a cache that cannot be written is done without."""
        if not self._new:
            return
        said = self._context.judged(self._real)._asdict() if self._judged else {}
        if sum(values.nbytes for values in said.values()) > LARGEST:
            said = {}
        floors = {
            metric: {name: [finite(number) for number in split_estimate(value)] for name, value in found.items()}
            for metric, found in self._found.items()
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_sealed(self._path, said, KEY, {**self._identity, "floors": floors})
        except OSError:
            return
        self._new = False

    def _read(self) -> bool:
        try:
            tensors, about = read_sealed(self._path, KEY, "reference")
            if {name: about[name] for name in self._identity} != self._identity:
                return False
            floors: dict[str, MetricValues] = {
                metric: {name: _floor(*pair) for name, pair in found.items()}
                for metric, found in about["floors"].items()
            }
            if tensors:
                said = JudgeOutput(*(tensors[name].to(self._context.device) for name in JudgeOutput._fields))
                if any(len(values) != len(self._real) for values in said):
                    return False
                self._context.keep(self._real, said)
            self._found = floors
        except (UserError, KeyError, IndexError, TypeError, ValueError, AttributeError):
            return False  # none yet, or a damaged one: everything in it can be computed again
        return True


def _floor(value: float | None, error: float | None) -> float | Estimate:
    known = math.nan if value is None else float(value)  # JSON has no word for a floor that is no number
    return known if error is None else Estimate(known, float(error))


def open_evaluator(
    plan: EvaluationPlan,
    root: Path,
    output: Field,
    condition: Field | None,
    device: torch.device,
    track: Track,
    say: Callable[[str], None],
    samples: int,
) -> Evaluator:
    """Return the examination of models that make ``output`` from ``condition``; trains a judge where there is none.

    Where no metric was named, those for which ``samples`` made examples are too few are left out.

    Raises :class:`UserError` where the data, the judge, the metrics and the model do not fit.
    """
    reference = ReferenceData(plan, root, device)
    check_output(plan.dataset, reference.spec, output, condition)
    told = {"model:class"} if condition is not None and condition.kind == "class" else set()
    data = {*reference.spec.provides} | ({"condition:class"} if reference.classes is not None else set())
    fitting = plan.fitting(data, told)
    built = [(part, _metric(part)) for part in fitting.metrics]
    metrics = [(part, metric) for part, metric in built if plan.asked or not metric.thorough]
    if not plan.asked:
        metrics.sort(key=lambda pair: not pair[1].leads)
    needed = any(metric.judged or asks_judge(part) for part, metric in metrics)
    if needed:
        plan.refuse_unfit_judge(data)
    with same_numbers(device):
        judge = trained_judge(plan.judge, reference, device, track, say) if needed else no_judge(reference)
    made = Evaluator(metrics, reference, judge, lambda: new_judge(plan.judge, reference, device), track)
    if not plan.asked:
        made.leave_out(samples, say)
    made.refuse_too_few(samples)
    return made


@contextmanager
def same_numbers(device: torch.device) -> Iterator[None]:
    """Compute in float32 whoever asks, and leave torch's own random numbers as they are."""
    devices = range(torch.cuda.device_count())
    with Precision("fp32", device).set(), torch.autocast(device.type, enabled=False), torch.random.fork_rng(devices):
        yield


def _metric(part: Part) -> Metric:
    metric: Any = SelectedParts({part.slot.name: part}).build(part.slot.name)
    assert isinstance(metric, Metric)
    return metric
