"""The context of a metric, for tests: a judge of the test's choice, and no cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch
from torch import Tensor

from ganzoo.catalogue import Field
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, Track
from ganzoo.contract.metric import random_halves
from ganzoo.randomness import key

T = TypeVar("T")


class NumbersJudge(Judge):
    """Learns nothing and knows no classes; the features of an example are its own numbers."""

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Learn nothing."""

    def forward(self, values: Tensor) -> JudgeOutput:
        """Return ``values`` (N, *X) as features (N, F)."""
        features = values.flatten(1).float()
        return JudgeOutput(features, features[:, :0], torch.ones(len(features), dtype=torch.bool))


class SimpleMetricContext:
    """Answers metrics in the simplest way; by default the features of an example are its own numbers."""

    def __init__(
        self,
        field: Field,
        condition: Field | None = None,
        train: Examples | None = None,
        judge: Callable[[], Judge] | None = None,
        conditions: Field | None = None,
    ):
        self.field, self.condition, self.device = field, condition, torch.device("cpu")
        self.conditions = conditions
        self._train = train
        self._make = judge or NumbersJudge
        self.judge = self._make().eval()

    @property
    def train(self) -> Examples:
        """The training examples that the test gave."""
        assert self._train is not None, "the test gave no training examples"
        return self._train

    def judged(self, examples: Examples) -> JudgeOutput:
        """Return what the judge says of examples."""
        with torch.no_grad():
            output: JudgeOutput = self.judge(examples.values)
            return output

    def halves(self, real: Examples) -> tuple[Examples, Examples]:
        """Return two halves of the real examples, drawn at random."""
        return random_halves(real, self.generator("halves"))

    def untrained_judge(self) -> Judge:
        """Return a judge that has learnt nothing."""
        return self._make()

    def generator(self, stream: str) -> torch.Generator:
        """Return a generator that is seeded by the name of its stream."""
        return torch.Generator().manual_seed(key(0, stream))

    def track(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return the items; no progress is shown."""
        return items
