"""Classes: whether made examples are of the class that was asked for, and whether a judge could learn from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, Config, Examples, Metric, MetricContext, MetricValues

CHUNK = 500  # examples that a pupil looks at together


@final
class ConditionalAccuracy(Metric):
    """Share of made examples whose most likely class, to the judge, is the one that was asked for.

    It does not see how varied the examples of a class are.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"accuracy": "high"}

    def __init__(self, config: Config):
        pass

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the share of ``made`` examples, from 0 to 1; ``real`` ones are not looked at."""
        return {"accuracy": share_right(context.judged(made).classes, made)}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return how often the judge is right about real examples."""
        return self.measure(real, real, context)


@final
class ClassificationScore(Metric):
    """Accuracy on real examples, from 0 to 1, of a judge that has learnt from made ones (CAS).

    It falls with examples that are of the wrong class, unlike real ones, or all alike; and it rises with their number.
    Source: Ravuri and Vinyals 2019, arXiv 1905.10887, where the pupil is a ResNet-50, so that only figures of one
    judge can be compared.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"CAS": "high"}
    thorough = True

    def __init__(self, config: Config):
        pass

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return how often a pupil that learns from ``made`` is right about ``real``."""
        pupil = context.untrained_judge()
        pupil.learn(made, context.generator("pupil"), context.track)
        pupil.eval()
        chunks = real.values.split(CHUNK)
        with torch.no_grad():
            said = [pupil(chunk).classes for chunk in context.track(chunks, "asking the pupil", len(chunks))]
        return {"CAS": share_right(torch.cat(said), real)}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the score of as many real training examples, drawn at random, as there are in ``real``.

        Where ``real`` are themselves the training examples, the pupil learns from half of them for the other half.
        """
        if real is context.train:
            return super().floor(real, context)
        order = torch.randperm(len(context.train), generator=context.generator("lesson"))
        return self.measure(context.train.at(order[: len(real)].to(context.device)), real, context)


def share_right(classes: Tensor, examples: Examples) -> float:
    """Return the share of ``classes`` (N,) that are those of ``examples``."""
    assert examples.labels is not None  # the metrics' declarations require classes
    return int((classes == examples.labels).sum()) / len(examples)
