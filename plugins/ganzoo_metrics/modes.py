"""Counting modes: which classes a model makes, and how evenly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, Examples, Metric, MetricContext, MetricValues
from ganzoo_metrics.configs import ModesConfig

PER_CLASS = 10


@final
class Modes(Metric):
    """How many classes are made, how far their shares are from the real ones, and how many examples are clear.

    ``modes`` are the classes with at least one example of which the judge is sure. ``KL`` is the divergence, in nats,
    of the classes that the judge sees in made examples from those that it sees in real ones, so that its own errors
    are on both sides; with n of either and K classes, a perfect model gets about (K − 1)/n. ``high quality`` is the
    share of made examples of which the judge is sure.

    Sources: Srivastava et al., "VEEGAN", arXiv 1705.07761, section 4; Lin et al., "PacGAN", arXiv 1712.04086. Some
    papers take the KL of digits from the uniform distribution, so that a perfect model gets half as much.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"modes": "high", "KL": "low", "high quality": "high"}

    def __init__(self, config: ModesConfig):
        self._share = config.share

    def minimum_examples(self, context: MetricContext) -> int:
        """Return 10 examples a class: a model that makes 1,000 classes evenly then misses one in 1 of 22 counts.

        The literature takes 26 a class for 1,000 classes, and 100 for 25.
        """
        assert context.condition is not None  # its declaration requires a judge that knows classes
        return PER_CLASS * context.condition.classes

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of ``made`` examples against the classes of ``real`` ones."""
        said, seen = context.judged(made), context.judged(real)
        return self._found(said.classes, said.sure, seen.classes, said.logits.shape[1])

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of real examples: one draw from them, with replacement, against another.

        Two such draws differ as two sets of as many new examples would; halves would differ by twice as much.
        """
        seen, generator = context.judged(real), context.generator("draws")
        size = (len(real),)
        one, two = (torch.randint(len(real), size, generator=generator).to(seen.sure.device) for _ in range(2))
        classes = seen.classes
        return self._found(classes[one], seen.sure[one], classes[two], seen.logits.shape[1])

    def _found(self, classes: Tensor, sure: Tensor, real: Tensor, count: int) -> MetricValues:
        made, reference = class_counts(classes, count), class_counts(real, count)
        due = self._share * len(classes) * reference / len(real)
        clear = class_counts(classes[sure], count)
        found = (clear > 0) & (clear >= due)
        return {
            "modes": float(found.sum()),
            "KL": divergence(made, reference),
            "high quality": float(clear.sum()) / len(classes),
        }


def class_counts(classes: Tensor, count: int) -> Tensor:
    """Return how many of ``classes`` (N,) are each of ``count`` ones: (count,) float64, on the CPU."""
    return classes.bincount(minlength=count).cpu().double()


def divergence(made: Tensor, real: Tensor) -> float:
    """Return KL(made ‖ real) in nats of two distributions over classes, given as counts (K,) float64.

    A class that no real example has counts as if half of one had it, so that the divergence stays finite.
    """
    real = real.clamp(min=0.5)
    made, real = made / made.sum(), real / real.sum()
    return float(torch.special.xlogy(made, made / real).sum())
