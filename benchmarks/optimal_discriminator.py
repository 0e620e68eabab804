"""A discriminator of points against the best one there is, p / (p + q), for data whose density p is known."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor
from torch.nn import functional as F

CENTRES = 5_000  # examples of the generator that the estimate of q is made of
POINTS = 1_000  # examples of each kind at which discriminators are compared
BANDWIDTHS = (0.1, 0.2, 0.4, 0.8, 1.6)  # in deviations of the data


@final
class Mixture:
    """Equal Gaussians in the plane, around centres (K, 2), with one standard deviation."""

    def __init__(self, centres: Sequence[Sequence[float]] | Tensor, deviation: float):
        self.centres, self.deviation = torch.as_tensor(centres, dtype=torch.float64), deviation

    def log_density(self, points: Tensor) -> Tensor:
        """Return the log-density (N,) of points (N, 2)."""
        return self._of_distances(self._distances(points))

    def _distances(self, points: Tensor) -> Tensor:
        return torch.cdist(points.double(), self.centres, compute_mode="donot_use_mm_for_euclid_dist").square()

    def _of_distances(self, squares: Tensor) -> Tensor:
        parts = squares / (-2 * self.deviation**2)
        return parts.logsumexp(1) - math.log(len(self.centres) * 2 * math.pi * self.deviation**2)

    def fitted(self, points: Tensor, deviations: Sequence[float]) -> Mixture:
        """Return the same centres with the one of the ``deviations`` under which ``points`` (N, 2) are likeliest."""
        squares = self._distances(points)
        candidates = [Mixture(self.centres, deviation) for deviation in deviations]
        return max(candidates, key=lambda one: float(one._of_distances(squares).mean()))

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return points (count, 2), equally many around each centre, which makes means more precise."""
        chosen = torch.arange(count) % len(self.centres)
        noise = torch.randn(count, 2, generator=generator, dtype=torch.float64)
        return self.centres[chosen] + self.deviation * noise


class Gap(NamedTuple):
    """What a discriminator reaches and what the best one would, in nats, and the mean distance of both as outputs.

    ``reached`` and ``best`` are E_p log D + E_q log(1 − D); ``error`` is the mean of |D − p / (p + q)|. The best is
    2 · JS(p, q) − 2 log 2, so that it says how far apart real and fake points are.
    """

    reached: float
    best: float
    error: float

    @property
    def nats(self) -> float:
        """What the discriminator lacks."""
        return self.best - self.reached


def density_of(made: Tensor, deviation: float) -> Mixture:
    """Return a kernel density estimate of q from points (N, 2), a fifth of which choose its width."""
    chosen = made[: len(made) // 5]
    return Mixture(made[len(chosen) :], deviation).fitted(chosen, [share * deviation for share in BANDWIDTHS])


def gap(logit: Callable[[Tensor], Tensor], real: Mixture, made: Tensor, seed: int = 0) -> Gap:
    """Return the gap of a discriminator whose ``logit`` maps points (N, 2) to (N, 1); ``made`` are fakes (N, 2).

    The fakes at which it is measured are not among those that the density of fakes is estimated from.
    """
    generator = torch.Generator().manual_seed(seed)
    at_real, at_fake = real.draw(POINTS, generator), made[:POINTS].double()
    estimate = density_of(made[POINTS : POINTS + CENTRES].double(), real.deviation)
    best = [real.log_density(points) - estimate.log_density(points) for points in (at_real, at_fake)]
    with torch.no_grad():
        reached = [logit(points.float()).flatten().double() for points in (at_real, at_fake)]
    errors = [(one.sigmoid() - other.sigmoid()).abs().mean() for one, other in zip(reached, best, strict=True)]
    return Gap(_value(*reached), _value(*best), float(sum(errors) / 2))


def _value(of_real: Tensor, of_fake: Tensor) -> float:
    return -float(F.softplus(-of_real).mean() + F.softplus(of_fake).mean())
