"""Whether examples lie where others do, told by their nearest neighbours.

Shape suffixes: N and M examples, F features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, final

import torch
from torch import Tensor

from ganzoo.plugin import Aim, Config, Examples, Metric, MetricContext, MetricValues, UserError
from ganzoo_metrics.configs import ManifoldConfig
from ganzoo_metrics.distances import PAIRS, precise

SAME = 1e-12
"""Squared distances below this share of the squared norms are rounding."""
MOST = 2000
"""Examples of either sort that are looked at for copies."""


def squared(x: Tensor, y: Tensor, slack: float = 0.0) -> Tensor:
    """Return the squared distances (N, M) of x (N, F) and y (M, F), less ``slack`` of the squared norms of both.

    They come from products, which is fast and rounds like the norms, not like the distances: x and y should be centred.
    """
    norms_x, norms_y = ((1 - slack) * values.square().sum(dim=1) for values in (x, y))
    return torch.addmm(norms_y, x, y.T, alpha=-2).add_(norms_x.unsqueeze(1))


@final
class Manifold(Metric):
    """Precision, recall, density and coverage: how far made and real examples lie in each other's surroundings.

    The surroundings of an example are a closed ball in the space of features, out to its k-th nearest neighbour of the
    same sort. ``precision`` is the share of made examples in the ball of any real one, ``recall`` the share of real
    ones in the ball of any made one (Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 2). ``density`` is the number
    of real balls around a made example over k, on average, and may be above 1; ``coverage`` is the share of real balls
    with a made example in them (Naeem et al. 2020, arXiv 2002.09797, section 3). With as many examples of either sort,
    and many, a perfect model has density 1 and coverage 1 − 2⁻ᵏ, whatever the judge.
    """

    figures: ClassVar[Mapping[str, Aim]] = {
        "precision": "high",
        "recall": "high",
        "density": "high",
        "coverage": "high",
    }

    def __init__(self, config: ManifoldConfig):
        self._neighbours = config.neighbours

    def minimum_examples(self, context: MetricContext) -> int:
        """Return ten times the neighbours: a ball around more than a tenth of the examples says little."""
        return 10 * self._neighbours

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the four figures; N·M·F operations, a few at a time, in float64, so that rounding decides nothing."""
        x, y = (precise(context.judged(of).features) for of in (made, real))
        centre = y.mean(dim=0)
        x, y = x - centre, y - centre
        radii_x, radii_y = self._radii(x), self._radii(y)
        surrounding = torch.zeros(len(x), dtype=torch.int64, device=x.device)  # real balls around a made example
        recalled = torch.zeros(len(y), dtype=torch.bool, device=x.device)
        covered = torch.zeros_like(recalled)
        for rows in torch.arange(len(x), device=x.device).split(max(1, PAIRS // len(y))):
            distances = squared(x[rows], y, SAME)
            within = distances <= radii_y
            surrounding[rows] = within.sum(dim=1)
            covered |= within.any(dim=0)
            recalled |= (distances <= radii_x[rows, None]).any(dim=0)
        return {
            "precision": (surrounding > 0).double().mean().item(),
            "recall": recalled.double().mean().item(),
            "density": surrounding.double().mean().item() / self._neighbours,
            "coverage": covered.double().mean().item(),
        }

    def _radii(self, x: Tensor) -> Tensor:
        """Return the squared distances (N,) of every x (N, F) and its k-th nearest neighbour, itself not counted."""
        parts = x.split(max(1, PAIRS // len(x)))
        nearest = [squared(part, x).topk(self._neighbours + 1, largest=False).values.amax(dim=1) for part in parts]
        radii = torch.cat(nearest).clamp_(min=0)
        # Around an example of no finite numbers lies nothing, not everything.
        return radii.where(radii.isfinite(), math.nan)


@final
class Memorisation(Metric):
    """Whether made examples are copies of training examples, judged by how unseen real examples lie among those.

    Distances are those of the numbers of examples themselves, not of features. ``copies`` is the share of made examples
    that are suspiciously near to one training example: their distance to the nearest, over that to the second nearest,
    is as small as among the hundredth of real examples where it is smallest. So it is about .01 for a perfect model,
    and 1 for one that copies, with or without noise. What is blurred, or all of one class, is near to many and no copy;
    a copy that was shifted or mirrored is not noticed, since numbers know nothing of shifts. ``nearest`` is the median
    distance of made examples to their nearest training example over that of real ones: 1 for fresh examples, 0 for
    copies, and above 1 for what is like no example at all.

    Of either sort 2,000 examples are looked at, drawn at random where there are more; ``copies`` of fresh ones is then
    .010 ± .003. The ratio is that of Lowe 2004, section 7.1.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"copies": "low", "nearest": "neither"}
    judged: ClassVar[bool] = False

    def __init__(self, config: Config):
        pass

    def minimum_examples(self, context: MetricContext) -> int:
        """Return a hundred, which have a hundredth."""
        return 100

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return both figures; raises :class:`UserError` where the real examples are training examples themselves."""
        train = context.train.values.flatten(1)
        draws = context.generator("memorisation")
        some = [of.values[torch.randperm(len(of), generator=draws)[:MOST].to(context.device)] for of in (made, real)]
        near, usual = (_two_nearest(values.flatten(1).float(), train) for values in some)
        if usual[0].median() == 0:
            raise UserError(
                "memorisation compares with real examples that no model was trained on, and most of these are in the "
                "training data as well: use a dataset with a test part, or ask for other metrics"
            )
        hundredth = _ratios(usual).sort().values[math.ceil(usual.shape[1] / 100) - 1]
        return {
            "copies": (_ratios(near) <= hundredth).sum().item() / near.shape[1],
            "nearest": (near[0].median() / usual[0].median()).item(),
        }


def _ratios(distances: Tensor) -> Tensor:
    """Return the nearer over the farther of distances (2, N); 0 where both are: equal to two is equal to one."""
    return distances[0] / distances[1].clamp(min=torch.finfo(distances.dtype).tiny)


def _two_nearest(x: Tensor, train: Tensor) -> Tensor:
    """Return the distances (2, N) of x (N, F) and the nearest and second nearest of ``train`` (M, F)."""
    centre = train.mean(dim=0)
    centred = x - centre
    rows = max(1, PAIRS // len(x))
    near, where = [], []
    for start in range(0, len(train), rows):
        distances = squared(centred, train[start : start + rows] - centre)
        values, indices = distances.topk(min(2, distances.shape[1]), largest=False)
        near.append(values)
        where.append(indices + start)
    best = torch.cat(near, dim=1).topk(2, largest=False).indices
    # Found by products, but measured by differences: the distance of a copy is 0, not the root of some rounding.
    exact = [(x - train[indices]).norm(dim=1) for indices in torch.cat(where, dim=1).gather(1, best).T]
    return torch.stack(exact).sort(dim=0).values
