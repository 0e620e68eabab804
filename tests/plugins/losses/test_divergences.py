"""f-GAN: the bound of each divergence against its closed form on Gaussians, and the pairs of T and f*(T) behind it."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import installed
from ganzoo.catalogue.options import options_of
from ganzoo.testing.loss_cases import loss_of

(NAMES,) = (item.choices for item in options_of(installed().component("loss", "fgan").config) if item.choices)
LOG2, LOG4 = math.log(2), math.log(4)

# The convex functions f of the definition D = E_q f(p/q), by table 1 of the paper.
FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda u: u * u.log(),
    "reverse-kl": lambda u: -u.log(),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (1 - u) ** 2 / u,
    "hellinger": lambda u: (u.sqrt() - 1) ** 2,
    "jeffreys": lambda u: (u - 1) * u.log(),
    "jensen-shannon": lambda u: u * u.log() - (u + 1) * ((1 + u) / 2).log(),
    "gan": lambda u: u * u.log() - (u + 1) * (u + 1).log(),
}


class Gaussian(NamedTuple):
    mean: float
    deviation: float

    def log_density(self, x: Tensor) -> Tensor:
        return -((x - self.mean) ** 2) / (2 * self.deviation**2) - math.log(self.deviation * math.sqrt(2 * math.pi))


PAIRS = [
    (Gaussian(0, 1), Gaussian(0, 1)),
    (Gaussian(0, 1), Gaussian(1, 1)),
    (Gaussian(-0.5, 1), Gaussian(0.5, 1.2)),
    (Gaussian(0, 1.3), Gaussian(0.5, 1)),
]
POINTS = torch.linspace(-25, 25, 4001, dtype=torch.float64)


def kl(p: Gaussian, q: Gaussian) -> float:
    ratio = p.deviation / q.deviation
    return 0.5 * (ratio**2 + (p.mean - q.mean) ** 2 / q.deviation**2 - 1) - math.log(ratio)


def pearson(p: Gaussian, q: Gaussian) -> float:
    """∫ p²/q − 1, which is finite if p is less than √2 times as wide as q."""
    variance = 2 * q.deviation**2 - p.deviation**2
    return q.deviation**2 / (p.deviation * math.sqrt(variance)) * math.exp((p.mean - q.mean) ** 2 / variance) - 1


def hellinger(p: Gaussian, q: Gaussian) -> float:
    variance = p.deviation**2 + q.deviation**2
    overlap = math.sqrt(2 * p.deviation * q.deviation / variance) * math.exp(-((p.mean - q.mean) ** 2) / (4 * variance))
    return 2 - 2 * overlap


def twice_jensen_shannon(p: Gaussian, q: Gaussian) -> float:
    """It has no closed form: the relative entropies of both from their mixture, integrated."""
    of_p, of_q = p.log_density(POINTS), q.log_density(POINTS)
    mixture = torch.logaddexp(of_p, of_q) - LOG2
    return integral(of_p.exp() * (of_p - mixture) + of_q.exp() * (of_q - mixture))


CLOSED_FORMS: Mapping[str, Callable[[Gaussian, Gaussian], float]] = {
    "kl": kl,
    "reverse-kl": lambda p, q: kl(q, p),
    "pearson": pearson,
    "neyman": lambda p, q: pearson(q, p),
    "hellinger": hellinger,
    "jeffreys": lambda p, q: kl(p, q) + kl(q, p),
    "jensen-shannon": twice_jensen_shannon,
    "gan": lambda p, q: twice_jensen_shannon(p, q) - LOG4,
}


def integral(values: Tensor) -> float:
    return torch.trapezoid(values, POINTS).item()


def activation(name: str, logit: Tensor) -> Tensor:
    """T of a logit: by the paper's trick the generator's loss is −T."""
    return -loss_of("fgan", divergence=name).generator(logit, lambda: logit)


def conjugate(name: str, logit: Tensor) -> Tensor:
    """f*(T) of a logit: by the paper's equation 2 the generator's loss is −f*(T)."""
    return -loss_of("fgan", divergence=name, minimax=True).generator(logit, lambda: logit)


def slopes(function: Callable[[str, Tensor], Tensor], name: str, logit: Tensor) -> Tensor:
    logit = logit.detach().requires_grad_(True)
    return torch.autograd.grad(function(name, logit).sum(), logit)[0]


def bound(name: str, p: Gaussian, q: Gaussian, logit: Tensor) -> float:
    """E_p T − E_q f*(T) of a discriminator with a logit at each of the points."""
    loss = loss_of("fgan", divergence=name)
    nothing = torch.zeros_like(logit)
    of_p, of_q = p.log_density(POINTS).exp(), q.log_density(POINTS).exp()
    # The loss of a logit for both, less that of the logit of the other one.
    of_real, of_fake = loss.discriminator(logit, nothing), loss.discriminator(logit, logit)
    return -integral(of_p * of_real + of_q * (of_fake - of_real)) - integral((of_q - of_p) * conjugate(name, nothing))


@functools.cache
def best_logits(name: str, p: Gaussian, q: Gaussian) -> Tensor:
    """The logit at each point at which the loss of the discriminator balances p against q, by bisection."""
    ratio = (p.log_density(POINTS) - q.log_density(POINTS)).exp()
    low, high = torch.full_like(POINTS, -60), torch.full_like(POINTS, 60)
    for _ in range(60):
        middle = (low + high) / 2
        too_low = ratio * slopes(activation, name, middle.sinh()) > slopes(conjugate, name, middle.sinh())
        low, high = torch.where(too_low, middle, low), torch.where(too_low, high, middle)
    return middle.sinh()


@pytest.mark.parametrize("name", NAMES)
class TestVariationalBound:
    @pytest.mark.parametrize("pair", PAIRS, ids=str)
    def test_the_best_discriminator_reaches_the_divergence(self, name: str, pair: tuple[Gaussian, Gaussian]) -> None:
        """To 1e-6 of the closed form, by a trapezoidal rule with 4,000 steps over 19 deviations and more."""
        found = bound(name, *pair, best_logits(name, *pair))
        assert found == pytest.approx(CLOSED_FORMS[name](*pair), rel=1e-6, abs=1e-8)

    @pytest.mark.parametrize("pair", PAIRS, ids=str)
    def test_no_other_discriminator_gets_there(self, name: str, pair: tuple[Gaussian, Gaussian]) -> None:
        """Logits that are shifted, stretched, or wrong at some points only; bounded, so that the bound is finite."""
        best = best_logits(name, *pair)
        near = best.clamp(-2, 2)
        others = [best + 0.1, best - 0.1, best + 0.2 * POINTS.sin(), near * 0.5 + 0.3, near + (POINTS > 0.5)]
        reached = CLOSED_FORMS[name](*pair)
        assert all(bound(name, *pair, other) < reached - 1e-5 for other in others)

    def test_an_undecided_discriminator_says_that_both_are_equal(self, name: str) -> None:
        (alike, shifted) = PAIRS[:2]
        nothing = torch.zeros_like(POINTS)
        assert bound(name, *shifted, nothing) == pytest.approx(CLOSED_FORMS[name](*alike), abs=1e-8)


@pytest.mark.parametrize("name", NAMES)
class TestActivations:
    # Of the logit: a large share, and both ends of what a network may answer.
    logits = torch.cat([torch.linspace(-30, 30, 241), torch.tensor([-1e4, -1e3, 1e3, 1e4])]).double()

    def test_the_conjugate_belongs_to_the_function(self, name: str) -> None:
        """By Fenchel and Young, f*(T) = u·T − f(u) at the u = f*′(T) where T is the slope of f."""
        logit = torch.linspace(-1.9 if name == "pearson" else -12, 12, 100, dtype=torch.float64)  # u is positive
        target, conjugated = activation(name, logit), conjugate(name, logit)
        ratio = (slopes(conjugate, name, logit) / slopes(activation, name, logit)).requires_grad_(True)
        (slope,) = torch.autograd.grad(FUNCTIONS[name](ratio).sum(), ratio)
        torch.testing.assert_close(slope, target, rtol=1e-8, atol=1e-8)
        torch.testing.assert_close(ratio * target - FUNCTIONS[name](ratio), conjugated, rtol=1e-8, atol=1e-8)

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_it_rises(self, name: str, dtype: torch.dtype) -> None:
        """Published versions with exp(v) in place of −exp(−v) turn the sign of the discriminator round."""
        logit = self.logits.to(dtype)
        rising = slopes(activation, name, logit)
        assert (rising >= 0).all()
        assert (rising[logit.abs() <= 10] > 0).all()

    def test_the_logit_0_is_the_threshold(self, name: str) -> None:
        """There T is f′(1), the best answer where p = q."""
        one = torch.ones((), dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(FUNCTIONS[name](one), one)
        nothing = torch.zeros(1, dtype=torch.float64)
        assert loss_of("fgan", divergence=name).threshold == 0.0
        assert activation(name, nothing).item() == pytest.approx(slope.item(), abs=1e-12)
        assert slopes(conjugate, name, nothing).item() == pytest.approx(slopes(activation, name, nothing).item())

    def test_the_trick_keeps_its_gradient_where_the_discriminator_wins(self, name: str) -> None:
        """It is f*′(T) = p/q times that of the equation, so they agree at p = q, and the equation's dies below."""
        logit = torch.linspace(-8, 8, 33, dtype=torch.float64)
        logit = logit[logit > -1.9] if name == "pearson" else logit
        trick, equation = slopes(activation, name, logit), slopes(conjugate, name, logit)
        assert ((equation < trick) == (logit < 0)).all()


def test_the_gans_divergence_is_cross_entropy() -> None:
    real, fake = (torch.linspace(low, 40, 50, dtype=torch.float64)[:, None] for low in (-40, -30))
    own, other = loss_of("fgan", divergence="gan"), loss_of("bce")
    assert torch.equal(own.discriminator(real, fake), other.discriminator(real, fake))
    assert torch.equal(own.generator(fake, lambda: real), other.generator(fake, lambda: real))
    minimax = loss_of("fgan", divergence="gan", minimax=True)
    assert torch.equal(minimax.generator(fake, lambda: real), loss_of("saturating").generator(fake, lambda: real))
