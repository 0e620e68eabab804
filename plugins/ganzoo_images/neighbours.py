"""What one has without a model: the true image of the training example whose input is nearest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, final

import torch

from ganzoo.plugin import Aim, Config, Examples, Metric, MetricContext, MetricValues, UserError
from ganzoo_images.metric_options import PairedConfig
from ganzoo_images.paired import CHUNK, compared


@final
class Neighbours(Metric):
    """L1, PSNR and SSIM of the true image of the nearest training input, in place of what the model makes.

    The distance of inputs is that of their pixels, squared. A model that is no better has learnt its data by heart.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "neighbour psnr": "high",
        "neighbour ssim": "high",
        "neighbour l1": "low",
    }
    judged = False
    thorough = True

    def __init__(self, config: Config):
        self._config = PairedConfig()

    def measure(self, generated: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Compare the true image with that of the nearest training example."""
        given, true, train = generated.conditions, generated.truth, context.train
        if given is None or true is None or train.conditions is None:
            raise UserError("metric 'neighbours' needs true images, and this data has none: choose another --metric")
        known, found = train.conditions.flatten(1), []
        for inputs, right in zip(given.split(CHUNK), true.split(CHUNK), strict=True):
            nearest = torch.cdist(inputs.flatten(1), known).argmin(dim=1)
            found.append(compared(train.values[nearest], right, self._config, "neighbour "))
        return {name: float(torch.cat([each[name] for each in found]).mean()) for name in self.figures}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the figures of the true images: PSNR has no finite one."""
        return {"neighbour l1": 0.0, "neighbour ssim": 1.0}
