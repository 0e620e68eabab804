"""Metrics that read attributes back: of what was drawn from attributes, and of edits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

from torch import Tensor

from ganzoo.plugin import Aim, Config, Examples, Metric, MetricContext, MetricValues, UserError
from ganzoo_editing.reader import Reading, as_images, attributes_of, whole


@final
class ReadAttributes(Metric):
    """How many of the attributes that were asked for are read off the generated examples.

    ``attributes`` is the share of all attributes that are right, ``all`` that of examples whose attributes are all
    right. ``guess`` is what an example gets that has the more frequent value of each attribute: what a model gets that
    does not look at its condition.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"attributes": "high", "all": "high", "guess": "neither"}
    judged = False
    thorough = True

    def __init__(self, config: Config):
        self._read = Reading(whole)

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the shares for ``generated`` examples."""
        asked = attributes_of(generated) > 0.5
        right = (self._read(as_images(generated.values), context) > 0) == asked
        frequent = (attributes_of(context.train) > 0.5).float().mean(dim=0) > 0.5
        return {
            "attributes": _share(right),
            "all": _share(right.all(dim=1)),
            "guess": _share(asked == frequent),
        }

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the shares for real examples."""
        return self.measure(real, real, context)


@final
class Edits(Metric):
    """Whether an edit changes the attributes that it should change, and nothing else.

    An attribute that the example before does not have as wanted is to be changed; ``changed`` is the share of these
    that are right afterwards, ``kept`` that of the others. ``error`` is the mean absolute difference from the true
    edited example, ``input error`` that of the example before: what one has without any model.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "changed": "high",
        "kept": "high",
        "error": "low",
        "input error": "neither",
    }
    judged = False
    thorough = True

    def __init__(self, config: Config):
        self._read = Reading(whole)

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the shares and the errors of ``generated`` edits."""
        values, conditions, true = generated.values, generated.conditions, generated.truth
        if conditions is None or true is None or conditions.shape[1] <= values[0].numel():
            raise UserError("metric 'edits' needs edits: use --output edit with --dataset-task edit")
        before = conditions[:, : values[0].numel()].view_as(values)
        wanted = attributes_of(generated) > 0.5
        change = (self._read(as_images(before), context) > 0) != wanted
        right = (self._read(as_images(values), context) > 0) == wanted
        return {
            "changed": _share(right[change]),
            "kept": _share(right[~change]),
            "error": _distance(values, true),
            "input error": _distance(before, true),
        }

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of the true edits."""
        return self.measure(Examples(real.values, None, real.conditions, real.values), real, context)


def _share(right: Tensor) -> float:
    return float(right.float().mean()) if right.numel() else 1.0


def _distance(made: Tensor, true: Tensor) -> float:
    """Return the mean absolute difference of examples in [-1, 1], as a share of their range."""
    return float((made.clamp(-1, 1) - true).abs().mean()) / 2
