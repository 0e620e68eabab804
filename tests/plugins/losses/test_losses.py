"""Every loss against its formula, written here a second time in plain Python, and what holds for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make
from ganzoo.contract.loss import Loss
from ganzoo.errors import UserError
from ganzoo.testing.strategies import examples

LOSSES = installed().names("loss")
EXTREME = (-1e4, -100.0, -1.0, 0.0, 1.0, 100.0, 1e4)
SHAPES = ((1, 1), (4, 1), (3, 5), (2, 36))

# Beyond 20, torch's softplus is the identity, which is off by e^-20 at most.
CLOSE = {"rtol": 1e-12, "atol": 2.1e-9}

bounded = examples(50)
logits = st.one_of(st.floats(-1e4, 1e4), st.floats(-4, 4), st.sampled_from(EXTREME))
pairs = st.lists(st.tuples(logits, logits), min_size=1, max_size=9)


def loss_of(name: str, **options: float) -> Loss:
    component = installed().component("loss", name)
    loss: Loss = resolve(component)(make(component.config, options, name))
    return loss


def column(values: Sequence[float], dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(values, dtype=dtype).unsqueeze(1).requires_grad_(True)


def unasked() -> Tensor:
    raise AssertionError("this loss does not compare, so it must not ask for the logits of the real batch")


def softplus(x: float) -> float:
    """log(1 + e^x), which is −log σ(−x)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x: float) -> float:
    return math.exp(-softplus(-x))


class Formula(NamedTuple):
    discriminator: Callable[[float, float], float]
    generator: Callable[[float], float]


FORMULAS = {
    "bce": Formula(lambda real, fake: softplus(-real) + softplus(fake), lambda fake: softplus(-fake)),
    "saturating": Formula(lambda real, fake: softplus(-real) + softplus(fake), lambda fake: -softplus(fake)),
    "lsgan": Formula(lambda real, fake: (real - 1) ** 2 + fake**2, lambda fake: (fake - 1) ** 2),
    "hinge": Formula(lambda real, fake: max(0.0, 1 - real) + max(0.0, 1 + fake), lambda fake: -fake),
    "wasserstein": Formula(lambda real, fake: fake - real, lambda fake: -fake),
}


def test_every_loss_of_this_package_has_its_formula_here() -> None:
    registry = installed()
    first_party = {name for name in LOSSES if registry.entry("loss", name).provider.package == "ganzoo"}
    assert first_party <= FORMULAS.keys(), "write its formula down, and its test is done"


@pytest.mark.parametrize("name", FORMULAS)
class TestAgainstFormulas:
    @bounded
    @given(pairs=pairs)
    def test_discriminator(self, name: str, pairs: list[tuple[float, float]]) -> None:
        real, fake = (column(values) for values in zip(*pairs, strict=True))
        expected = column([FORMULAS[name].discriminator(*pair) for pair in pairs])
        torch.testing.assert_close(loss_of(name).discriminator(real, fake), expected, **CLOSE)

    @bounded
    @given(values=st.lists(logits, min_size=1, max_size=9))
    def test_generator(self, name: str, values: list[float]) -> None:
        expected = column([FORMULAS[name].generator(value) for value in values])
        torch.testing.assert_close(loss_of(name).generator(column(values), unasked), expected, **CLOSE)

    @bounded
    @given(real=st.floats(-20, 20), fake=st.floats(-20, 20))
    def test_gradients_are_the_slopes_of_the_formulas(self, name: str, real: float, fake: float) -> None:
        h = 1e-5
        assume(abs(real - 1) > 2 * h and abs(fake + 1) > 2 * h)  # the hinge has no slope there
        formula, x, y = FORMULAS[name], column([real]), column([fake])
        found = torch.autograd.grad(loss_of(name).discriminator(x, y).sum(), (x, y))
        (found_generator,) = torch.autograd.grad(loss_of(name).generator(y, unasked).sum(), y)
        slopes = [
            (formula.discriminator(real + h, fake) - formula.discriminator(real - h, fake)) / (2 * h),
            (formula.discriminator(real, fake + h) - formula.discriminator(real, fake - h)) / (2 * h),
            (formula.generator(fake + h) - formula.generator(fake - h)) / (2 * h),
        ]
        assert [gradient.item() for gradient in (*found, found_generator)] == pytest.approx(slopes, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", LOSSES)
class TestEveryLoss:
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_finite_with_finite_gradients_at_any_logit(self, name: str, dtype: torch.dtype) -> None:
        grid = [(real, fake) for real in EXTREME for fake in EXTREME]
        real, fake = (column(values, dtype) for values in zip(*grid, strict=True))
        loss = loss_of(name)
        for losses in (loss.discriminator(real, fake), loss.generator(fake, lambda: real)):
            gradients = torch.autograd.grad(losses.sum(), (real, fake), allow_unused=True)
            assert losses.isfinite().all()
            assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)
        assert loss.score(real).isfinite().all()

    @bounded
    @given(
        real=st.lists(st.floats(0.01, 0.99), min_size=6, max_size=6),
        fake=st.lists(st.floats(0.01, 0.99), min_size=6, max_size=6),
    )
    def test_the_players_pull_against_each_other(self, name: str, real: list[float], fake: list[float]) -> None:
        """Logits strictly between 0 and 1 lie inside every margin and between every pair of targets."""
        x, y = column(real), column(fake)
        loss = loss_of(name)
        of_real, of_fake = torch.autograd.grad(loss.discriminator(x, y).sum(), (x, y))
        (of_generator,) = torch.autograd.grad(loss.generator(y, x.detach).sum(), y)
        assert (of_real < 0).all(), "the discriminator's loss falls as the real logit rises"
        assert (of_fake > 0).all(), "the discriminator's loss falls as the fake logit falls"
        assert (of_generator < 0).all(), "the generator's loss falls as the fake logit rises"

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("device", ["cpu", "meta"])
    def test_nothing_is_reduced(self, name: str, shape: tuple[int, int], device: str) -> None:
        real, fake = torch.zeros(shape, device=device), torch.ones(shape, device=device)
        loss = loss_of(name)
        assert loss.discriminator(real, fake).shape == shape
        assert loss.generator(fake, lambda: real).shape == shape
        assert loss.score(real).shape == shape

    @bounded
    @given(values=st.lists(logits, min_size=2, max_size=9))
    def test_a_score_is_a_probability_or_the_logit_itself(self, name: str, values: list[float]) -> None:
        logit = column(sorted(values)).detach()
        score = loss_of(name).score(logit)
        assert torch.equal(score, logit) or ((score >= 0) & (score <= 1)).all()
        assert (score.diff(dim=0) >= 0).all(), "a higher logit never reads as less real"


@pytest.mark.parametrize("name", ["bce", "saturating"])
@given(values=st.lists(logits, min_size=1, max_size=9))
@bounded
def test_losses_that_know_a_probability_show_it(name: str, values: list[float]) -> None:
    expected = column([sigmoid(value) for value in values])
    torch.testing.assert_close(loss_of(name).score(column(values)), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(
    ("name", "value"), [("hinge", 2.0), ("bce", 2 * math.log(2)), ("saturating", 2 * math.log(2)), ("lsgan", 1.0)]
)
def test_a_discriminator_that_says_nothing(name: str, value: float) -> None:
    nothing = torch.zeros(4, 3, dtype=torch.float64)
    losses = loss_of(name).discriminator(nothing, nothing)
    torch.testing.assert_close(losses, torch.full_like(nothing, value), rtol=1e-15, atol=0)


class TestSmoothing:
    targets = st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: pair[0] > pair[1])

    @bounded
    @given(pairs=pairs, targets=targets)
    @pytest.mark.parametrize("sides", ["one", "two"])
    def test_formula(self, sides: str, pairs: list[tuple[float, float]], targets: tuple[float, float]) -> None:
        a, b = targets if sides == "two" else (max(targets), 0.0)
        loss = loss_of("bce", real_target=a, fake_target=b)
        real, fake = (column(values) for values in zip(*pairs, strict=True))
        found = loss.discriminator(real, fake)
        expected = [
            a * softplus(-x) + (1 - a) * softplus(x) + b * softplus(-y) + (1 - b) * softplus(y) for x, y in pairs
        ]
        torch.testing.assert_close(found, column(expected), **CLOSE)
        assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(found.sum(), (real, fake)))

    @bounded
    @given(values=st.lists(logits, min_size=1, max_size=9), targets=targets)
    def test_the_generators_own_target_is_never_smoothed(
        self, values: list[float], targets: tuple[float, float]
    ) -> None:
        smooth = loss_of("bce", real_target=targets[0], fake_target=targets[1])
        fake = column(values)
        assert torch.equal(smooth.generator(fake, unasked), loss_of("bce").generator(fake, unasked))

    @pytest.mark.parametrize(("real_target", "fake_target"), [(0.9, 0.0), (0.9, 0.1), (0.7, 0.3)])
    def test_the_best_discriminator_says_the_targets(self, real_target: float, fake_target: float) -> None:
        real = column([math.log(real_target / (1 - real_target))])
        fake = column([math.log(fake_target / (1 - fake_target)) if fake_target else -1e4])
        loss = loss_of("bce", real_target=real_target, fake_target=fake_target)
        gradients = torch.autograd.grad(loss.discriminator(real, fake).sum(), (real, fake))
        assert [gradient.item() for gradient in gradients] == pytest.approx([0, 0], abs=1e-12)

    @pytest.mark.parametrize(("real_target", "fake_target"), [(0.1, 0.9), (0.5, 0.5), (1.1, 0.0), (0.9, -0.1)])
    def test_targets_that_make_no_sense_are_refused(self, real_target: float, fake_target: float) -> None:
        with pytest.raises(UserError, match="target"):
            loss_of("bce", real_target=real_target, fake_target=fake_target)


@bounded
@given(value=st.floats(-30, 30))
def test_saturating_and_non_saturating_generators_agree_on_the_direction_alone(value: float) -> None:
    """−log D and log(1 − D) both push D(G(z)) up; their ratio is D / (1 − D), so one of them dies where D wins."""
    slopes = {}
    for name in ("bce", "saturating"):
        fake = column([value])
        (slope,) = torch.autograd.grad(loss_of(name).generator(fake, unasked).sum(), fake)
        slopes[name] = slope.item()
    assert slopes["bce"] < 0 and slopes["saturating"] < 0
    assert slopes["saturating"] / slopes["bce"] == pytest.approx(math.exp(value), rel=1e-8)
