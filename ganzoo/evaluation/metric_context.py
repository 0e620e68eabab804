"""What metrics may ask for, computed once and kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, final
from weakref import WeakKeyDictionary

import torch

from ganzoo.catalogue.data import Field
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, Track
from ganzoo.contract.metric import halved
from ganzoo.evaluation.reference_data import ReferenceData
from ganzoo.randomness import key

T = TypeVar("T")
CHUNK = 500  # examples that a judge looks at together


@final
class CachedMetricContext:
    """Answers metrics (:class:`ganzoo.contract.metric.MetricContext`); what the judge said is kept."""

    def __init__(self, reference: ReferenceData, judge: Judge, pupil: Callable[[], Judge], track: Track):
        self._reference, self._judge, self._pupil, self._track = reference, judge, pupil, track
        self._judged: WeakKeyDictionary[Examples, JudgeOutput] = WeakKeyDictionary()
        self._halves: WeakKeyDictionary[Examples, tuple[Examples, Examples]] = WeakKeyDictionary()

    @property
    def field(self) -> Field:
        """What the examples are."""
        return self._reference.spec.target_field

    @property
    def condition(self) -> Field | None:
        """What their classes are, where the data has any."""
        return self._reference.classes

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self._reference.device

    @property
    def train(self) -> Examples:
        """The real examples that models are trained on."""
        return self._reference.train

    def judged(self, examples: Examples) -> JudgeOutput:
        """Return what the judge says of ``examples``."""
        if examples not in self._judged:
            self._judged[examples] = self._asked(examples)
        return self._judged[examples]

    def halves(self, real: Examples) -> tuple[Examples, Examples]:
        """Return two halves of ``real``, the same two each time."""
        if real not in self._halves:
            self._halves[real] = halved(real, self.generator("halves"))
        return self._halves[real]

    def pupil(self) -> Judge:
        """Return a new judge like the one here, that has learnt nothing."""
        return self._pupil()

    def generator(self, stream: str) -> torch.Generator:
        """Return random numbers that depend on ``stream`` alone."""
        return torch.Generator().manual_seed(key(0, f"metric/{stream}"))

    def track(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return ``items``, and show people how far work on them is."""
        return self._track(items, what, count)

    def keep(self, examples: Examples, judged: JudgeOutput) -> None:
        """Remember what was said of ``examples`` in another run."""
        self._judged[examples] = judged

    def _asked(self, examples: Examples) -> JudgeOutput:
        return ask(self._judge, examples, self._track)


def ask(judge: Judge, examples: Examples, track: Track) -> JudgeOutput:
    """Return what ``judge`` says of ``examples``, asked in chunks."""
    judge.eval()
    chunks = examples.values.split(CHUNK)
    with torch.no_grad():
        said = [judge(values) for values in track(chunks, "asking the judge", len(chunks))]
    return JudgeOutput(*(torch.cat(parts) for parts in zip(*said, strict=True)))
