"""Metrics: how good generated examples are.

Shape suffixes: N examples, K classes, F features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol, final

import torch

from ganzoo.catalogue.data import Field
from ganzoo.contract.judge import Examples, Judge, JudgeOutput, T

Aim = Literal["low", "high", "neither"]
"""Whether low or high values of a figure are good; ``neither`` for a figure that is only informative."""


class Estimate(NamedTuple):
    """A value with its standard error."""

    value: float
    error: float


@final
class ClassShares(float):
    """The share of right examples among all, as a float; ``right`` and ``all`` (K,) are the numbers of each class.

    A share alone hides a class that is always wrong, if it has few examples.

    >>> shares = ClassShares((400, 0), (400, 3))
    >>> round(shares, 3), shares.of_classes, shares.balanced
    (0.993, (1.0, 0.0), 0.5)
    """

    right: tuple[int, ...]
    all: tuple[int, ...]

    def __new__(cls, right: Sequence[int], all: Sequence[int]) -> ClassShares:
        """Return the shares of these numbers."""
        shares = super().__new__(cls, sum(right) / max(1, sum(all)))
        shares.right, shares.all = tuple(right), tuple(all)
        return shares

    @staticmethod
    def counted(found: torch.Tensor, labels: torch.Tensor, classes: int) -> ClassShares:
        """Return the shares for the classes ``found`` (N,) of examples with ``labels`` (N,), of ``classes`` classes."""
        all = labels.cpu().bincount(minlength=classes)
        right = labels[found == labels].cpu().bincount(minlength=len(all))
        return ClassShares(right.tolist(), all.tolist())

    @property
    def of_classes(self) -> tuple[float | None, ...]:
        """The share of each class (K,); ``None`` for a class without examples."""
        return tuple(right / all if all else None for right, all in zip(self.right, self.all, strict=True))

    @property
    def balanced(self) -> float:
        """The mean of the shares of the classes that have examples."""
        known = [share for share in self.of_classes if share is not None]
        return sum(known) / max(1, len(known))


MetricValues = Mapping[str, float | Estimate]
"""The values of a metric by the name of the figure; :class:`ClassShares` are floats too."""


class MetricContext(Protocol):
    """Everything that a metric can use besides the examples; results are computed once and cached."""

    @property
    def field(self) -> Field:
        """The field of the examples."""

    @property
    def condition(self) -> Field | None:
        """The field of their classes, or ``None`` if the data has no classes."""

    @property
    def conditions(self) -> Field | None:
        """The field of ``Examples.conditions``, of any type, or ``None`` if the data has no condition."""

    @property
    def device(self) -> torch.device:
        """The device that computes; all examples are on it."""

    @property
    def train(self) -> Examples:
        """The real examples that models are trained on."""

    def judged(self, examples: Examples) -> JudgeOutput:
        """Return the judge's output for ``examples``."""

    def halves(self, real: Examples) -> tuple[Examples, Examples]:
        """Return two random halves of ``real``, the same two each time."""

    def untrained_judge(self) -> Judge:
        """Return a new judge of the same kind, before training."""

    def generator(self, stream: str) -> torch.Generator:
        """Return a CPU generator whose numbers depend on the seed and ``stream`` alone."""

    def track(self, items: Iterable[T], what: str, count: int) -> Iterable[T]:
        """Return ``items``, of which there are ``count``, and show progress; ``what`` names the work."""


class Metric(ABC):
    """A measure of generated examples, built as ``target(config)``.

    ``figures`` names the metric's figures, the most important first, each with the :data:`Aim` that says which values
    are good. ``judged`` says whether they depend on the judge; its name is then part of their label. ``thorough``
    metrics are slow, and are computed only if the user names them. ``selects_best`` metrics measure both quality and
    variety; one of them selects the best model unless the user names another metric.
    """

    figures: ClassVar[Mapping[str, Aim]]
    judged: ClassVar[bool] = True
    thorough: ClassVar[bool] = False
    selects_best: ClassVar[bool] = False

    def minimum_examples(self, context: MetricContext) -> int:
        """Return how many generated, and how many real, examples the figures need to be meaningful."""
        return 2

    @abstractmethod
    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return all figures of the generated examples, compared with ``real`` ones."""

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of real examples: the values of a perfect model.

        By default one half of them is compared with the other half.
        """
        return self.measure(*context.halves(real), context)


def random_halves(real: Examples, generator: torch.Generator) -> tuple[Examples, Examples]:
    """Return two random halves of ``real`` of equal size; of an odd number, one example is left out.

    >>> first, second = random_halves(Examples(torch.arange(7)), torch.Generator().manual_seed(0))
    >>> len(first), len(second), len({*first.values.tolist(), *second.values.tolist()})
    (3, 3, 6)
    """
    order = torch.randperm(len(real), generator=generator).to(real.values.device)
    half = len(real) // 2
    return real.at(order[:half]), real.at(order[half : 2 * half])
