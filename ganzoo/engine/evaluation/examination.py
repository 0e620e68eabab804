"""Examining model after model by the same metrics, judge and data."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, final

import torch

from ganzoo.catalogue.data import Field
from ganzoo.catalogue.judgement import Judgement
from ganzoo.catalogue.selection import Part, part_to_json
from ganzoo.engine.assembly import SelectedParts
from ganzoo.engine.evaluation.appointment import (
    Appointed,
    appoint,
    appoint_nobody,
    cache_folder,
    new_judge,
)
from ganzoo.engine.evaluation.bench import KeptBench
from ganzoo.engine.evaluation.figures import Evaluation, Figure, split_estimate
from ganzoo.engine.evaluation.reference import Reference, check_output, fingerprint
from ganzoo.engine.sampling import make_examples
from ganzoo.engine.sealed import read_sealed, write_sealed
from ganzoo.errors import Refused, UserError
from ganzoo.metrics import Estimate, Examples, Found, Judge, Metric, Opinion, Track, untracked
from ganzoo.recipe import Recipe

KEY = "ganzoo-reference"
LARGEST = 2**26  # bytes of opinions that are worth keeping; more are asked for again


@final
class Examination:
    """Metrics with a judge and the real examples, ready for any model that makes such examples."""

    def __init__(
        self,
        metrics: Sequence[tuple[Part, Metric]],
        reference: Reference,
        judge: Appointed,
        pupil: Callable[[], Judge],
        track: Track,
    ):
        self._metrics, self._reference, self.judge = metrics, reference, judge
        self._bench = KeptBench(reference, judge.judge, pupil, track)
        self._floors = _Floors(judge, self._bench, reference)

    @property
    def first(self) -> Metric:
        """The metric of most weight: the first that was asked for."""
        return self._metrics[0][1]

    def leave_out(self, say: Callable[[str], None]) -> None:
        """Leave out the metrics for which there are too few real examples, unless that is all of them."""
        problems = {part.label: list(self._starving(part, metric)) for part, metric in self._metrics}
        kept = [(part, metric) for part, metric in self._metrics if not problems[part.label]]
        if kept and len(kept) < len(self._metrics):
            self._metrics = kept
            for said in problems.values():
                if said:
                    say("; ".join(said))

    def refuse_too_few(self, samples: int) -> None:
        """Raise :class:`Refused` where a metric means nothing with so many made or real examples."""
        problems = []
        for part, metric in self._metrics:
            least = self._least(part, metric)
            if samples < least:
                problems.append(f"{part.label} means nothing with {samples} samples: make at least {least}")
            problems += self._starving(part, metric)
        if problems:
            raise Refused(problems)

    def _least(self, part: Part, metric: Metric) -> int:
        with part.blamed():
            return metric.least(self._bench)

    def _starving(self, part: Part, metric: Metric) -> Iterator[str]:
        least, have = self._least(part, metric), len(self._reference.real)
        if have < least:
            yield f"{part.label} needs {least} real examples, and {self._reference.label} has {have}: leave it out"

    def examine(self, recipe: Recipe, samples: int, seed: int, track: Track = untracked) -> Evaluation:
        """Return the figures of ``samples`` examples that ``recipe``, in evaluation mode, makes."""
        field = recipe.condition_field
        conditions = self._reference.conditions(samples, field) if field is not None else None
        values = make_examples(recipe, samples, conditions, seed, track)
        asked = field is not None and field.kind == "class"
        labels = conditions.to(values.device) if asked and conditions is not None else None
        return self.measure(Examples(values, labels))

    def measure(self, made: Examples) -> Evaluation:
        """Return the figures of examples, wherever they come from."""
        self.refuse_too_few(len(made))
        real, figures = self._reference.real, []
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            for part, metric in self._metrics:
                with part.blamed():
                    floor = self._floors.of(part, metric)
                    found = metric.measure(made, real, self._bench)
                figures += [self._figure(part, metric, name, found[name], floor.get(name)) for name in metric.figures]
        self._floors.keep()
        judge = {"name": self.judge.name, "accuracy": self.judge.accuracy, "learnt_from": self.judge.learnt_from}
        return Evaluation(
            self._reference.name, self._reference.choices, self._reference.split,
            len(made), len(real), judge, tuple(figures),
        )  # fmt: skip

    def _figure(
        self, part: Part, metric: Metric, name: str, found: float | Estimate, floor: float | Estimate | None
    ) -> Figure:
        value, error = split_estimate(found)
        if not math.isfinite(value):
            raise UserError(f"{part.label} gave {value} for {name}: the model makes no examples that can be measured")
        judge = self.judge.name if metric.judged else ""
        real, real_error = split_estimate(floor) if floor is not None else (None, None)
        return Figure(part.component.name, name, judge, value, error, real, real_error, metric.figures[name])


class _Floors:
    """What real examples get, and what the judge says of them: computed once for a judge, and kept in a file."""

    def __init__(self, judge: Appointed, bench: KeptBench, reference: Reference):
        self._bench, self._real = bench, reference.real
        self._path = cache_folder() / "judges" / f"{reference.name}-{judge.identity[:16]}-reference.safetensors"
        self._identity = {"judge": judge.name, "real": fingerprint(self._real)}
        self._judged = bool(judge.name)
        self._found: dict[str, Found] = {}
        self._new = not self._read()

    def of(self, part: Part, metric: Metric) -> Found:
        """Return the figures of real examples by one metric."""
        name = hashlib.sha256(json.dumps(part_to_json(part), sort_keys=True).encode()).hexdigest()
        if name not in self._found:
            # Half of the examples must be enough, or the floor would mean as little as a value of too few.
            enough = len(self._real) // 2 >= metric.least(self._bench)
            self._found[name] = metric.floor(self._real, self._bench) if enough else {}
            self._new = True
        return self._found[name]

    def keep(self) -> None:
        """Write what is new; a cache that cannot be written is done without."""
        if not self._new:
            return
        said = self._bench.opinion(self._real)._asdict() if self._judged else {}
        if sum(values.nbytes for values in said.values()) > LARGEST:
            said = {}
        floors = {
            metric: {name: list(split_estimate(value)) for name, value in found.items()}
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
            if tensors:
                said = Opinion(*(tensors[name].to(self._bench.device) for name in Opinion._fields))
                self._bench.keep(self._real, said)
            self._found = {
                metric: {name: Estimate(*pair) if pair[1] is not None else pair[0] for name, pair in found.items()}
                for metric, found in about["floors"].items()
            }
        except (UserError, KeyError, IndexError, TypeError, ValueError, AttributeError):
            return False  # none yet, or a damaged one: everything in it can be computed again
        return True


def open_examination(
    judgement: Judgement,
    root: Path,
    output: Field,
    condition: Field | None,
    device: torch.device,
    track: Track,
    say: Callable[[str], None],
) -> Examination:
    """Return the examination of models that make ``output`` from ``condition``; trains a judge where there is none.

    Raises :class:`UserError` where the data, the judge, the metrics and the model do not fit.
    """
    reference = Reference(judgement, root, device)
    check_output(judgement.dataset, reference.spec, output, condition)
    told = {"model:class"} if condition is not None and condition.kind == "class" else set()
    data = {*reference.spec.provides} | ({"condition:class"} if reference.classes is not None else set())
    fitting = judgement.fitting(data, told)
    built = [(part, _metric(part)) for part in fitting.metrics]
    metrics = [(part, metric) for part, metric in built if judgement.asked or not metric.thorough]
    needed = any(metric.judged or judgement.asks_judge(part) for part, metric in metrics)
    if needed:
        judgement.refuse_unfit_judge(data)
    judge = appoint(judgement.judge, reference, device, track, say) if needed else appoint_nobody(reference)
    made = Examination(metrics, reference, judge, lambda: new_judge(judgement.judge, reference, device), track)
    if not judgement.asked:
        made.leave_out(say)
    return made


def _metric(part: Part) -> Metric:
    metric: Any = SelectedParts({part.slot.name: part}).build(part.slot.name)
    assert isinstance(metric, Metric)
    return metric
