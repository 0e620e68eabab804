"""Distances of two distributions of features: the Fréchet distance, and a kernel distance.

Shape suffixes: S subsets, N and M examples, F features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, Config, Estimate, Examples, Metric, MetricContext, MetricValues
from ganzoo_metrics.configs import KernelConfig

PAIRS = 1 << 22
"""Pairs of examples that are compared at once."""


def precise(values: Tensor) -> Tensor:
    """Return ``values`` in float64, on the CPU where their device does not support it."""
    return (values.cpu() if values.device.type == "mps" else values).double()


@final
class Frechet(Metric):
    """Fréchet distance of two Gaussians, fitted to the features: ‖μ − ν‖² + tr(A + B − 2·(A·B)^½).

    Its unit is that of the features, squared, so only distances with the same judge can be compared. Its bias is about
    1/N, so only those of equally many examples can. From Heusel et al. 2017, arXiv 1706.08500, equation 6.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"FD": "low"}
    selects_best = True

    def __init__(self, config: Config):
        pass

    def minimum_examples(self, context: MetricContext) -> int:
        """Return one more than the number of features: the covariance of fewer examples is singular."""
        return context.judged(context.train.at(slice(0, 2))).features.shape[1] + 1

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the distance, in float64, also for singular covariances; nan where a feature is not finite."""
        (mean, root), (other_mean, other_root) = (_gaussian(context.judged(of).features) for of in (made, real))
        # With A = RᵀR and B = SᵀS, the eigenvalues of A·B are the squared singular values of R·Sᵀ. This avoids the
        # square root of a singular matrix, which would turn a rounding error of 1e-16 into one of 1e-8.
        product = root @ other_root.T
        if not product.isfinite().all():
            return {"FD": math.nan}
        overlap = torch.linalg.svdvals(product).sum()
        spread = root.square().sum() + other_root.square().sum() - 2 * overlap
        return {"FD": ((mean - other_mean).square().sum() + spread.clamp(min=0)).item()}


def _gaussian(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean (F,) of features (N, F), and a triangular R such that RᵀR is their unbiased covariance."""
    values = precise(features)
    mean = values.mean(dim=0)
    return mean, torch.linalg.qr(values - mean, mode="r").R / math.sqrt(len(values) - 1)


@final
class Kernel(Metric):
    """Unbiased squared distance of two distributions under the kernel (x·y/F + 1)³, averaged over random subsets.

    It is unbiased for any number of examples, so it may be negative where the distributions are equal, and the size of
    the subsets changes only its variance. A subset has ``size`` generated and as many real examples, at most half of
    the smaller set. From Bińkowski et al. 2018, arXiv 1801.01401.

    The standard error is that of the whole estimate, not that of drawing subsets alone, which would vanish with enough
    of them: s·√(1/S + size/(N − size)), with s the standard deviation over S subsets and N the size of the smaller set.
    The second term is the jackknife that leaves out N − size examples (Shao & Wu 1989). It is up to √(1 + N/size) times
    too large where the distributions are equal, and about right elsewhere.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"KD": "low"}

    def __init__(self, config: KernelConfig):
        self._subsets, self._size = config.subsets, config.size

    def minimum_examples(self, context: MetricContext) -> int:
        """Return 20, which have enough different halves for a standard error."""
        return 20

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the average over the subsets, with its standard error."""
        x, y = context.judged(made).features, context.judged(real).features
        count = min(len(x), len(y))
        size = min(self._size, count // 2)
        draws = context.generator("subsets")

        def subset(features: Tensor) -> Tensor:
            return features[torch.randperm(len(features), generator=draws)[:size].to(features.device)]

        distances = []
        for at_once in torch.arange(self._subsets).split(max(1, PAIRS // size**2)):
            of_real, of_made = zip(*((subset(y), subset(x)) for _ in at_once), strict=True)
            distances.append(squared_mmd(torch.stack(of_made), torch.stack(of_real)))
        values = torch.cat(distances)
        error = values.std() * math.sqrt(1 / self._subsets + size / (count - size))
        return {"KD": Estimate(values.mean().item(), error.item())}


def squared_mmd(x: Tensor, y: Tensor) -> Tensor:
    """Return the unbiased squared distances (S,), float64, of features x and y, both (S, N, F)."""
    count = x.shape[1]
    # Without the pairs of an example with itself.
    within = _sums(x, x) + _sums(y, y) - _diagonal_sums(x) - _diagonal_sums(y)
    return within / (count * (count - 1)) - 2 * _sums(x, y) / count**2


def _sums(x: Tensor, y: Tensor) -> Tensor:
    """Return the sums (S,) of the kernel over all pairs of x and y, both (S, N, F)."""
    rows = max(1, PAIRS // (len(y) * y.shape[1]))
    one = torch.ones((), dtype=x.dtype, device=x.device)
    sums = [torch.baddbmm(one, part, y.mT, alpha=1 / x.shape[2]).pow_(3).sum(dim=2) for part in x.split(rows, dim=1)]
    # The differences of these sums are small, so they are added up in float64.
    return precise(torch.cat(sums, dim=1)).sum(dim=1)


def _diagonal_sums(x: Tensor) -> Tensor:
    """Return the sums (S,) of the kernel over the pairs of each example of x (S, N, F) with itself."""
    return precise((x.square().sum(dim=2) / x.shape[2] + 1).pow(3)).sum(dim=1)
