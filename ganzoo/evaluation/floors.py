"""The figures of real examples (floors), computed once for a judge and cached in a file."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any, final

from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.registry import Part, part_to_json
from ganzoo.contract.judge import JudgeOutput
from ganzoo.contract.metric import ClassShares, Estimate, Metric, MetricValues
from ganzoo.errors import UserError
from ganzoo.evaluation.figures import finite, split_estimate
from ganzoo.evaluation.judge_cache import TrainedJudge, cache_folder, code_digest
from ganzoo.evaluation.metric_context import CachedMetricContext
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.storage.sealed import read_sealed, write_sealed

KEY = "ganzoo-reference"
MAX_OUTPUT_BYTES = 2**26  # of a judge's output for the real examples; a larger one is computed again in every process


@final
class FloorCache:
    """The figures of real examples by each metric, and the judge's output for them.

    They are read from the cache folder, and computed and written there if they are missing.
    """

    def __init__(self, judge: TrainedJudge, context: CachedMetricContext, reference: ReferenceData):
        self._context, self._real = context, reference.real
        self._path = cache_folder() / "judges" / f"{reference.name}-{judge.identity[:16]}-reference.safetensors"
        self._identity = {"judge": judge.name, "real": reference.fingerprint}
        self._judged = bool(judge.name)
        self._floors: dict[str, MetricValues] = {}
        self._changed = not self._read()

    def floor(self, part: Part, metric: Metric) -> MetricValues:
        """Return the figures of the real examples by one metric; none if half of the examples are too few for it."""
        about = [part_to_json(part), code_digest(metric)]
        name = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
        if part.provider.package == LOCAL:  # its code may be another one in the next process
            name = f"{LOCAL}/{name}"
        if name not in self._floors:
            # One half is compared with the other, so a half must have the metric's minimum of examples.
            enough = len(self._real) // 2 >= metric.minimum_examples(self._context)
            self._floors[name] = metric.floor(self._real, self._context) if enough else {}
            self._changed = True
        return self._floors[name]

    def save(self) -> None:
        """Write the cache file if anything has changed; a file that cannot be written is no error."""
        if not self._changed:
            return
        output = self._context.judged(self._real)._asdict() if self._judged else {}
        if sum(values.nbytes for values in output.values()) > MAX_OUTPUT_BYTES:
            output = {}
        floors = {
            metric: {name: _to_json(value) for name, value in values.items()}
            for metric, values in self._floors.items()
            if not metric.startswith(LOCAL)
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_sealed(self._path, output, KEY, {**self._identity, "floors": floors})
        except OSError:
            return
        self._changed = False

    def _read(self) -> bool:
        """Read the cache file; return whether that succeeded."""
        try:
            tensors, about = read_sealed(self._path, KEY, "reference")
            if {name: about[name] for name in self._identity} != self._identity:
                return False
            floors: dict[str, MetricValues] = {
                metric: {name: _from_json(*pair) for name, pair in values.items()}
                for metric, values in about["floors"].items()
            }
            if tensors:
                output = JudgeOutput(*(tensors[name].to(self._context.device) for name in JudgeOutput._fields))
                if any(len(values) != len(self._real) for values in output):
                    return False
                self._context.remember(self._real, output)
            self._floors = floors
        except (UserError, KeyError, IndexError, TypeError, ValueError, AttributeError):
            return False  # the file is missing or damaged: everything in it can be computed again
        return True


def _to_json(value: float | Estimate) -> list[Any]:
    counts = [value.right, value.all] if isinstance(value, ClassShares) else []
    return [*(finite(number) for number in split_estimate(value)), *counts]


def _from_json(value: float | None, error: float | None, *counts: Sequence[int]) -> float | Estimate:
    if counts:
        return ClassShares(*counts)
    number = math.nan if value is None else float(value)  # JSON has no NaN
    return number if error is None else Estimate(number, float(error))
