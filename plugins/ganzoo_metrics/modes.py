"""Modes: which classes a model generates, and how often."""

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
    """Number of classes generated, KL divergence of their frequencies from the real ones, share of clear examples.

    ``modes`` is the number of classes with at least one example of which the judge is sure. ``KL`` is the divergence,
    in nats, of the classes of generated examples from those of real ones, both by the judge, so that its errors affect
    both sides; with n examples of each and K classes, a perfect model gets about (K − 1)/n. ``high quality`` is the
    share of generated examples of which the judge is sure.

    Sources: Srivastava et al., "VEEGAN", arXiv 1705.07761, section 4; Lin et al., "PacGAN", arXiv 1712.04086. Some
    papers use the KL divergence of digits from the uniform distribution, where a perfect model gets half as much.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"modes": "high", "KL": "low", "high quality": "high"}

    def __init__(self, config: ModesConfig):
        self._share = config.share

    def minimum_examples(self, context: MetricContext) -> int:
        """Return 10 examples per class: a uniform model of 1,000 classes then misses one in 1 of 22 evaluations.

        The literature uses 26 per class for 1,000 classes, and 100 for 25.
        """
        assert context.condition is not None  # its declaration requires a judge of classes
        return PER_CLASS * context.condition.classes

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of ``made`` examples, compared with the classes of ``real`` ones."""
        of_made, of_real = context.judged(made), context.judged(real)
        return self._figures(of_made.classes, of_made.sure, of_real.classes, of_made.logits.shape[1])

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of real examples: one bootstrap sample of them, compared with another.

        Two such samples differ as two sets of equally many new examples would; halves would differ twice as much.
        """
        output, generator = context.judged(real), context.generator("draws")
        size = (len(real),)
        one, two = (torch.randint(len(real), size, generator=generator).to(output.sure.device) for _ in range(2))
        classes = output.classes
        return self._figures(classes[one], output.sure[one], classes[two], output.logits.shape[1])

    def _figures(self, classes: Tensor, sure: Tensor, real: Tensor, count: int) -> MetricValues:
        made, reference = class_counts(classes, count), class_counts(real, count)
        threshold = self._share * len(classes) * reference / len(real)
        clear = class_counts(classes[sure], count)
        modes = (clear > 0) & (clear >= threshold)
        return {
            "modes": float(modes.sum()),
            "KL": kl_divergence(made, reference),
            "high quality": float(clear.sum()) / len(classes),
        }


def class_counts(classes: Tensor, count: int) -> Tensor:
    """Return how often each of ``count`` classes occurs in ``classes`` (N,): (count,) float64, on the CPU."""
    return classes.bincount(minlength=count).cpu().double()


def kl_divergence(made: Tensor, real: Tensor) -> float:
    """Return KL(made ‖ real) in nats of two distributions over classes, given as counts (K,) float64.

    A class without real examples counts as half an example, so that the divergence is finite.
    """
    real = real.clamp(min=0.5)
    made, real = made / made.sum(), real / real.sum()
    return float(torch.special.xlogy(made, made / real).sum())
