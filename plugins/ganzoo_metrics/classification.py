"""Metrics on classes: conditional accuracy, and the classification accuracy score (CAS)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, ClassShares, Config, Examples, Metric, MetricContext, MetricValues

CHUNK = 500  # examples in one forward pass of the trained judge


@final
class ConditionalAccuracy(Metric):
    """Share of generated examples whose most likely class, by the judge, is the requested one.

    It does not measure how varied the examples of a class are.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"accuracy": "high"}

    def __init__(self, config: Config):
        pass

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the share of ``made`` examples, from 0 to 1, by class too; ``real`` is not used."""
        return {"accuracy": accuracy(context.judged(made).classes, made, context)}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the judge's accuracy on real examples."""
        return self.measure(real, real, context)


@final
class ClassificationScore(Metric):
    """Accuracy on real examples, from 0 to 1, of a judge that was trained on generated ones (CAS).

    It is lower where generated examples have the wrong class, differ from real ones or are all alike, and higher with
    more examples. Source: Ravuri and Vinyals 2019, arXiv 1905.10887, who train a ResNet-50; so only scores with the
    same judge can be compared.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"CAS": "high"}
    thorough = True

    def __init__(self, config: Config):
        pass

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the accuracy on ``real`` of a new judge that is trained on ``made``."""
        untrained_judge = context.untrained_judge()
        untrained_judge.learn(made, context.generator("pupil"), context.track)
        untrained_judge.eval()
        chunks = real.values.split(CHUNK)
        with torch.no_grad():
            classes = [
                untrained_judge(chunk).classes for chunk in context.track(chunks, "testing the new judge", len(chunks))
            ]
        return {"CAS": accuracy(torch.cat(classes), real, context)}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the score of training examples, drawn at random, as many as in ``real``.

        Where ``real`` are the training examples, a judge is trained on one half of them and tested on the other.
        """
        if real is context.train:
            return super().floor(real, context)
        order = torch.randperm(len(context.train), generator=context.generator("lesson"))
        return self.measure(context.train.at(order[: len(real)].to(context.device)), real, context)


def accuracy(classes: Tensor, examples: Examples, context: MetricContext) -> ClassShares:
    """Return the share of ``classes`` (N,) that equal the labels of ``examples``."""
    assert examples.labels is not None and context.condition is not None  # the metrics' declarations require classes
    return ClassShares.counted(classes, examples.labels, context.condition.classes)
