"""Metrics on nearest neighbours: precision, recall, density, coverage, and memorisation.

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
"""Squared distances below this share of the squared norms are rounding errors."""
MOST = 2000
"""Most generated examples, and most real ones, that are checked for copies."""


def squared(x: Tensor, y: Tensor, slack: float = 0.0) -> Tensor:
    """Return the squared distances (N, M) of x (N, F) and y (M, F), minus ``slack`` times the squared norms of both.

    They are computed by a matrix product, whose rounding errors scale with the norms: x and y should be centred.
    """
    norms_x, norms_y = ((1 - slack) * values.square().sum(dim=1) for values in (x, y))
    return torch.addmm(norms_y, x, y.T, alpha=-2).add_(norms_x.unsqueeze(1))


@final
class Manifold(Metric):
    """Precision, recall, density and coverage, from balls around the examples in feature space.

    The closed ball of an example reaches to its k-th nearest neighbour in the same set, generated or real.
    ``precision`` is the share of generated examples in the ball of any real one, ``recall`` the share of real ones in
    the ball of any generated one (Kynkäänniemi et al. 2019, arXiv 1904.06991, equation 2). ``density`` is the mean
    number of real balls that contain a generated example, over k, and may be above 1; ``coverage`` is the share of real
    balls that contain a generated example (Naeem et al. 2020, arXiv 2002.09797, section 3). With large sets of equal
    size, a perfect model has density 1 and coverage 1 − 2⁻ᵏ, whatever the judge.
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
        """Return ten times k: a ball that contains more than a tenth of the examples says little."""
        return 10 * self._neighbours

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return the four figures: N·M·F operations in chunks, in float64, so that rounding decides nothing."""
        x, y = (precise(context.judged(of).features) for of in (made, real))
        centre = y.mean(dim=0)
        x, y = x - centre, y - centre
        radii_x, radii_y = self._radii(x), self._radii(y)
        balls = torch.zeros(len(x), dtype=torch.int64, device=x.device)  # real ones that contain a generated example
        recalled = torch.zeros(len(y), dtype=torch.bool, device=x.device)
        covered = torch.zeros_like(recalled)
        for rows in torch.arange(len(x), device=x.device).split(max(1, PAIRS // len(y))):
            distances = squared(x[rows], y, SAME)
            within = distances <= radii_y
            balls[rows] = within.sum(dim=1)
            covered |= within.any(dim=0)
            recalled |= (distances <= radii_x[rows, None]).any(dim=0)
        return {
            "precision": (balls > 0).double().mean().item(),
            "recall": recalled.double().mean().item(),
            "density": balls.double().mean().item() / self._neighbours,
            "coverage": covered.double().mean().item(),
        }

    def _radii(self, x: Tensor) -> Tensor:
        """Return the squared distances (N,) of every x (N, F) to its k-th nearest neighbour, itself not counted."""
        parts = x.split(max(1, PAIRS // len(x)))
        nearest = [squared(part, x).topk(self._neighbours + 1, largest=False).values.amax(dim=1) for part in parts]
        radii = torch.cat(nearest).clamp_(min=0)
        # The ball of an example with features that are not finite contains nothing, not everything.
        return radii.where(radii.isfinite(), math.nan)


@final
class Memorisation(Metric):
    """Whether generated examples are copies of training examples, compared with real examples that are not in training.

    Distances are between raw values, not between features. ``copies`` is the share of generated examples that are
    suspiciously near to one training example: the ratio of their distances to the nearest and the second nearest one is
    as small as for the hundredth of real examples with the smallest ratios. So it is about .01 for a perfect model, and
    1 for one that copies, with or without noise. Blurred examples are near to many training examples and do not count
    as copies. Shifted or mirrored copies are not found. ``nearest`` is the median distance of generated examples to
    their nearest training example, over that of real examples: 1 for new examples, 0 for copies, and above 1 for
    examples unlike all training examples.

    At most 2,000 examples of each set are used, drawn at random; ``copies`` of new real examples is then .010 ± .003.
    The ratio is that of Lowe 2004, section 7.1.
    """

    figures: ClassVar[Mapping[str, Aim]] = {"copies": "low", "nearest": "neither"}
    judged: ClassVar[bool] = False

    def __init__(self, config: Config):
        pass

    def minimum_examples(self, context: MetricContext) -> int:
        """Return 100: the threshold is a hundredth of the examples."""
        return 100

    def measure(self, made: Examples, real: Examples, context: MetricContext) -> MetricValues:
        """Return both figures; raises :class:`UserError` where the real examples are training examples themselves."""
        train = context.train.values.flatten(1)
        draws = context.generator("memorisation")
        some = [of.values[torch.randperm(len(of), generator=draws)[:MOST].to(context.device)] for of in (made, real)]
        of_made, of_real = (_two_nearest(values.flatten(1).float(), train) for values in some)
        if of_real[0].median() == 0:
            raise UserError(
                "memorisation needs real examples that are not in the training data, and most of these are in it: "
                "use a dataset with a test part, or choose other metrics"
            )
        threshold = _ratios(of_real).sort().values[math.ceil(of_real.shape[1] / 100) - 1]
        return {
            "copies": (_ratios(of_made) <= threshold).sum().item() / of_made.shape[1],
            "nearest": (of_made[0].median() / of_real[0].median()).item(),
        }


def _ratios(distances: Tensor) -> Tensor:
    """Return the smaller over the larger of distances (2, N); 0 where both are 0."""
    return distances[0] / distances[1].clamp(min=torch.finfo(distances.dtype).tiny)


def _two_nearest(x: Tensor, train: Tensor) -> Tensor:
    """Return the distances (2, N) of x (N, F) to the nearest and the second nearest of ``train`` (M, F)."""
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
    # Found by a matrix product, but measured by differences, so that the distance of a copy is exactly 0.
    exact = [(x - train[indices]).norm(dim=1) for indices in torch.cat(where, dim=1).gather(1, best).T]
    return torch.stack(exact).sort(dim=0).values
