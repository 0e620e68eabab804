"""The Parzen window: how likely real images are under a density that is put together from made ones.

Shape suffixes: N images, M centres, W widths, D numbers in one image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, Estimate, Examples, Metric, MetricContext, MetricValues
from ganzoo_metrics.configs import ParzenConfig
from ganzoo_metrics.distances import precise

CHUNK = 1024  # images, and centres, whose distances are looked at at once: 8 MiB of them


@final
class Parzen(Metric):
    """Mean log-likelihood of real images, in nats, under a Gaussian of one width around every made image.

    Pixels are in 0 … 1 as in the literature, whose figures are of 10,000 made images: more of them are worth more. The
    width is the one under which real training images that were put aside are most likely. The error is the standard
    error over the real images. Sources: Breuleux et al. 2011; Goodfellow et al. 2014, arXiv 1406.2661, section 5.

    It is there to compare with papers: it says little of how good images look, and the centres of clusters of real
    images beat the real images themselves (Theis et al. 2016, arXiv 1511.01844).
    """

    figures: ClassVar[Mapping[str, Aim]] = {"log-likelihood": "high"}
    judged = False
    thorough = True

    def __init__(self, config: ParzenConfig):
        self._widths, self._validation = config.widths, config.validation

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the log-likelihood of ``real``; computed in float64."""
        centres = unit(made)
        aside = unit(context.train.at(self._divided(context)[0]))
        best = log_likelihoods(aside, centres, self._widths).mean(dim=1).argmax()
        found = log_likelihoods(unit(real), centres, [self._widths[int(best)]])[0]
        return {"log-likelihood": Estimate(found.mean().item(), (found.std() / math.sqrt(len(found))).item())}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the log-likelihood of ``real`` with as many training images in the place of made ones.

        These are none of those put aside. Where the real images are themselves the training images, those that remain
        are halved: an image is very likely under a density with the image itself at a centre.
        """
        rest = self._divided(context)[1]
        half = len(rest) // 2
        if real is context.train:
            return self.measure(real.at(rest[:half]), real.at(rest[half:]), context)
        return self.measure(context.train.at(rest[: len(real)]), real, context)

    def _divided(self, context: MetricContext) -> tuple[Tensor, Tensor]:
        """Return which training images are put aside, half of them at most, and which are not."""
        count = len(context.train)
        order = torch.randperm(count, generator=context.generator("parzen")).to(context.device)
        aside = min(self._validation, count // 2)
        return order[:aside], order[aside:]


def unit(images: Examples) -> Tensor:
    """Return images in -1 … 1 as rows (N, D) in 0 … 1."""
    return (images.values.flatten(1) + 1) / 2


def log_likelihoods(images: Tensor, centres: Tensor, widths: Sequence[float]) -> Tensor:
    """Return the log-likelihoods (W, N), float64, of images (N, D) under Gaussians around centres (M, D).

    That is log 1/M ∑ exp(-‖x - c‖² / 2σ²) - D/2 · log 2πσ², for every width σ.
    """
    parts = []
    for some in images.split(CHUNK):
        x, sums = precise(some), []
        for others in centres.split(CHUNK):
            squares = squared_distances(x, precise(others))
            sums.append(torch.stack([(squares / (-2 * width**2)).logsumexp(dim=1) for width in widths]))
        parts.append(torch.stack(sums).logsumexp(dim=0))
    found = torch.cat(parts, dim=1)
    normaliser = found.new_tensor([images.shape[1] * math.log(width * math.sqrt(2 * math.pi)) for width in widths])
    return found - math.log(len(centres)) - normaliser[:, None]


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return ‖x - y‖² (N, M) for rows x (N, D) and y (M, D); float64 has digits to spare for the differences."""
    return torch.addmm(x.square().sum(dim=1, keepdim=True) + y.square().sum(dim=1), x, y.T, alpha=-2)
