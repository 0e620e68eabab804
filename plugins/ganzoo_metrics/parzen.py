"""The Parzen window: the likelihood of real images under a kernel density estimate from generated ones.

Shape suffixes: N images, M centres, W widths, D numbers in one image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, Estimate, Examples, Metric, MetricContext, MetricValues
from ganzoo_metrics.configs import OFFICIAL_VALIDATION, OFFICIAL_WIDTHS, ParzenConfig
from ganzoo_metrics.distances import precise

CHUNK = 1024  # images, and centres, whose distances are computed at once: 8 MiB of them


@final
class Parzen(Metric):
    """Mean log-likelihood of real images, in nats, under Gaussians of one width around the generated images.

    Pixels are in 0 … 1 as in the literature, which uses 10,000 generated images; the figure grows with their number.
    The width is the one with the largest likelihood on a validation set of real training images. The error is the
    standard error over the real images. Sources: Breuleux et al. 2011; Goodfellow et al. 2014, arXiv 1406.2661,
    section 5.

    It exists for comparison with papers: it says little about how good images look, and centres of clusters of real
    images get a higher value than real images (Theis et al. 2016, arXiv 1511.01844).
    """

    figures: ClassVar[Mapping[str, Aim]] = {"log-likelihood": "high"}
    judged = False
    thorough = True

    def __init__(self, config: ParzenConfig):
        self._official = config.protocol == "official"
        self._widths = OFFICIAL_WIDTHS if self._official else config.widths
        self._validation = OFFICIAL_VALIDATION if self._official else config.validation

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the log-likelihood of ``real``; computed in float64."""
        centres = unit(made)
        validation = unit(context.train.at(self._split(context)[0]))
        best = log_likelihoods(validation, centres, self._widths).mean(dim=1).argmax()
        values = log_likelihoods(unit(real), centres, [self._widths[int(best)]])[0]
        return {"log-likelihood": Estimate(values.mean().item(), (values.std() / math.sqrt(len(values))).item())}

    def floor(self, real: Examples, context: MetricContext) -> MetricValues:
        """Return the log-likelihood of ``real`` with equally many training images instead of generated ones.

        None of them is in the validation set. Where the real images are the training images, the rest is halved, as an
        image is very likely under a density that has it as a centre.
        """
        rest = self._split(context)[1]
        half = len(rest) // 2
        if real is context.train:
            return self.measure(real.at(rest[:half]), real.at(rest[half:]), context)
        return self.measure(context.train.at(rest[: len(real)]), real, context)

    def _split(self, context: MetricContext) -> tuple[Tensor, Tensor]:
        """Return the indices of the validation set, at most half of the training images, and of the rest.

        By the official protocol it is the last training images; else it is drawn.
        """
        count = len(context.train)
        validation = min(self._validation, count // 2)
        if self._official:
            order = torch.arange(count - 1, -1, -1, device=context.device)
        else:
            order = torch.randperm(count, generator=context.generator("parzen")).to(context.device)
        return order[:validation], order[validation:]


def unit(images: Examples) -> Tensor:
    """Return images in -1 … 1 as rows (N, D) in 0 … 1."""
    return (images.values.flatten(1) + 1) / 2


def log_likelihoods(images: Tensor, centres: Tensor, widths: Sequence[float]) -> Tensor:
    """Return the log-likelihoods (W, N), float64, of images (N, D) under Gaussians around centres (M, D).

    That is log 1/M ∑ exp(-‖x - c‖² / 2σ²) - D/2 · log 2πσ², for every width σ.
    """
    parts = []
    for image_chunk in images.split(CHUNK):
        x, sums = precise(image_chunk), []
        for centre_chunk in centres.split(CHUNK):
            squares = squared_distances(x, precise(centre_chunk))
            sums.append(torch.stack([(squares / (-2 * width**2)).logsumexp(dim=1) for width in widths]))
        parts.append(torch.stack(sums).logsumexp(dim=0))
    sums_of_all = torch.cat(parts, dim=1)
    normaliser = sums_of_all.new_tensor(
        [images.shape[1] * math.log(width * math.sqrt(2 * math.pi)) for width in widths]
    )
    return sums_of_all - math.log(len(centres)) - normaliser[:, None]


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return ‖x - y‖² (N, M) for rows x (N, D) and y (M, D), in float64, which is precise enough for a product."""
    return torch.addmm(x.square().sum(dim=1, keepdim=True) + y.square().sum(dim=1), x, y.T, alpha=-2)
