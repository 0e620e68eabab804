"""Metrics: how good examples are.

Shape suffixes: N examples, K classes, F features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal, NamedTuple, Protocol

import torch

from ganzoo.catalogue.data import Field
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, T

Aim = Literal["low", "high", "neither"]
"""Which values of a figure are good; neither for what is only worth knowing."""


class Estimate(NamedTuple):
    """A value with its standard error."""

    value: float
    error: float


MetricValues = Mapping[str, float | Estimate]
"""Values by the name of a figure."""


class MetricContext(Protocol):
    """What a metric may ask for; answers are computed once and kept."""

    @property
    def field(self) -> Field:
        """What the examples are."""

    @property
    def condition(self) -> Field | None:
        """What their classes are, where the data has any."""

    @property
    def device(self) -> torch.device:
        """The device that computes; all examples are on it."""

    @property
    def train(self) -> Examples:
        """The real examples that models are trained on."""

    def judged(self, examples: Examples) -> JudgeOutput:
        """Return what the judge says of ``examples``."""

    def halves(self, real: Examples) -> tuple[Examples, Examples]:
        """Return two halves of ``real``, divided at random, the same two each time."""

    def pupil(self) -> Judge:
        """Return a new judge like the one here, that has learnt nothing."""

    def generator(self, stream: str) -> torch.Generator:
        """Return random numbers, on the CPU, that depend on the seed and ``stream`` alone."""

    def track(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return ``items``, and show people how far work on them is."""


class Metric(ABC):
    """How good examples are, built as ``target(config)``.

    ``figures`` names its figures in the order of their weight, with which values of each are good. ``judged`` says
    whether they depend on the judge, whose name is then written beside them. ``thorough`` metrics take long, and are
    computed only where they are asked for by name. One that ``leads`` sees quality and variety alike, so that a best
    model can be chosen by it where nobody says by what.
    """

    figures: ClassVar[Mapping[str, Aim]]
    judged: ClassVar[bool] = True
    thorough: ClassVar[bool] = False
    leads: ClassVar[bool] = False

    def least(self, context: MetricContext) -> int:
        """Return how many examples of either sort are needed before a figure means anything."""
        return 2

    @abstractmethod
    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of ``made`` examples against ``real`` ones."""

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of real examples: what a perfect model would get.

        By default one half of them is measured against the other.
        """
        return self.measure(*context.halves(real), context)


def halved(real: Examples, generator: torch.Generator) -> tuple[Examples, Examples]:
    """Return ``real`` in two halves of one size, divided at random."""
    order = torch.randperm(len(real), generator=generator).to(real.values.device)
    half = len(real) // 2
    return real.at(order[:half]), real.at(order[half : 2 * half])
