"""A bench for tests of metrics: a judge of one's choice, and nothing that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import torch

from ganzoo.catalogue import Config, Field
from ganzoo.contract.judge import Examples, Judge, JudgeOutput
from ganzoo.contract.metric import random_halves
from ganzoo.randomness import key
from ganzoo_metrics.plain import Plain

T = TypeVar("T")


class SimpleBench:
    """Answers metrics in the simplest way; by default the features of an example are its own numbers."""

    def __init__(
        self,
        field: Field,
        condition: Field | None = None,
        train: Examples | None = None,
        judge: Callable[[], Judge] | None = None,
    ):
        self.field, self.condition, self.device = field, condition, torch.device("cpu")
        self._train = train
        self._make = judge or (lambda: Plain(Config(), field, condition))
        self.judge = self._make().eval()

    @property
    def train(self) -> Examples:
        assert self._train is not None, "the test gave no training examples"
        return self._train

    def judged(self, examples: Examples) -> JudgeOutput:
        with torch.no_grad():
            return self.judge(examples.values)

    def halves(self, real: Examples) -> tuple[Examples, Examples]:
        return random_halves(real, self.generator("halves"))

    def untrained_judge(self) -> Judge:
        return self._make()

    def generator(self, stream: str) -> torch.Generator:
        return torch.Generator().manual_seed(key(0, stream))

    def track(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        return items
