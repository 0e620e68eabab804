"""The context of metrics, whose results are computed once and cached."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, final
from weakref import WeakKeyDictionary

import torch

from ganzoo.catalogue.data import Field
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, Track
from ganzoo.contract.metric import random_halves
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.randomness import key

T = TypeVar("T")
CHUNK = 500  # examples that pass a judge together


@final
class CachedMetricContext:
    """The context of metrics (:class:`ganzoo.contract.metric.MetricContext`), with a cache of the judge's output."""

    def __init__(self, reference: ReferenceData, judge: Judge, new_judge: Callable[[], Judge], track: Track):
        self._reference, self._judge, self._new_judge, self._track = reference, judge, new_judge, track
        self._judged: WeakKeyDictionary[Examples, JudgeOutput] = WeakKeyDictionary()
        self._halves: WeakKeyDictionary[Examples, tuple[Examples, Examples]] = WeakKeyDictionary()

    @property
    def field(self) -> Field:
        """The field of the examples."""
        return self._reference.spec.target_field

    @property
    def condition(self) -> Field | None:
        """The field of their classes, or ``None`` if the data has no classes."""
        return self._reference.classes

    @property
    def conditions(self) -> Field | None:
        """The field of the conditions of any type, or ``None`` if the data has no condition."""
        return self._reference.spec.condition_field

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self._reference.device

    @property
    def train(self) -> Examples:
        """The real examples that models are trained on."""
        return self._reference.train

    def judged(self, examples: Examples) -> JudgeOutput:
        """Return the judge's output for ``examples``."""
        if examples not in self._judged:
            self._judged[examples] = judge_in_chunks(self._judge, examples, self._track)
        return self._judged[examples]

    def halves(self, real: Examples) -> tuple[Examples, Examples]:
        """Return two random halves of ``real``, the same two each time."""
        if real not in self._halves:
            self._halves[real] = random_halves(real, self.generator("halves"))
        return self._halves[real]

    def untrained_judge(self) -> Judge:
        """Return a new judge of the same kind, before training."""
        return self._new_judge()

    def generator(self, stream: str) -> torch.Generator:
        """Return a CPU generator whose numbers depend on ``stream`` alone."""
        return torch.Generator().manual_seed(key(0, f"metric/{stream}"))

    def track(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return ``items``, of which there are ``count``, and show progress; ``what`` names the work."""
        return self._track(items, what, count)

    def remember(self, examples: Examples, output: JudgeOutput) -> None:
        """Add the judge's output for ``examples`` to the cache."""
        self._judged[examples] = output


def judge_in_chunks(judge: Judge, examples: Examples, track: Track) -> JudgeOutput:
    """Return the output of ``judge`` for ``examples``, computed in chunks of :data:`CHUNK`."""
    judge.eval()
    chunks = examples.values.split(CHUNK)
    with torch.no_grad():
        outputs = [judge(values) for values in track(chunks, "computing features", len(chunks))]
    return JudgeOutput(*(torch.cat(parts) for parts in zip(*outputs, strict=True)))
