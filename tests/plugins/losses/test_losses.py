"""Every loss against its formula, written here a second time in plain Python, and what holds for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from ganzoo.contract.loss import Loss
from ganzoo.errors import UserError
from ganzoo.testing.loss_cases import loss_forms, loss_of
from ganzoo.testing.strategies import examples

FORMS = loss_forms()
EXTREME = (-1e4, -100.0, -1.0, 0.0, 1.0, 100.0, 1e4)
SHAPES = ((1, 1), (4, 1), (3, 5), (2, 36))

# Beyond 20, torch's softplus is the identity, which is off by e^-20 at most.
CLOSE = {"rtol": 1e-12, "atol": 2.1e-9}

bounded = examples(50)
logits = st.one_of(st.floats(-1e4, 1e4), st.floats(-4, 4), st.sampled_from(EXTREME))
pairs = st.lists(st.tuples(logits, logits), min_size=1, max_size=9)


def form_of(form: str) -> Loss:
    name, options = FORMS[form]
    return loss_of(name, **options)


def column(values: Sequence[float], dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.tensor(values, dtype=dtype).unsqueeze(1).requires_grad_(True)


def unasked() -> Tensor:
    raise AssertionError("this loss does not compare, so it must not ask for the logits of the real batch")


def softplus(x: float) -> float:
    """log(1 + e^x), which is −log σ(−x)."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def sigmoid(x: float) -> float:
    return math.exp(-softplus(-x))


Scores = Sequence[float]


class Formula(NamedTuple):
    """What a loss is for the logits of a batch of real examples and one of fakes."""

    discriminator: Callable[[Scores, Scores], list[float]]
    generator: Callable[[Scores, Scores], list[float]]
    compares: bool = False  # whether the generator's loss depends on real examples


def each(discriminator: Callable[[float, float], float], generator: Callable[[float], float]) -> Formula:
    """The formula of a loss that looks at each example alone."""
    return Formula(
        lambda real, fake: [discriminator(*pair) for pair in zip(real, fake, strict=True)],
        lambda fake, real: [generator(score) for score in fake],
    )


def relativistic(above: Callable[[float], float], below: Callable[[float], float]) -> Formula:
    """Real ones lie above the mean of the fakes, and fakes below that of real ones; the generator wants the reverse."""

    def discriminator(real: Scores, fake: Scores) -> list[float]:
        return [above(x - fmean(fake)) + below(y - fmean(real)) for x, y in zip(real, fake, strict=True)]

    def generator(fake: Scores, real: Scores) -> list[float]:
        return [below(x - fmean(fake)) + above(y - fmean(real)) for x, y in zip(real, fake, strict=True)]

    return Formula(discriminator, generator, compares=True)


def bent(x: float) -> float:
    return x if abs(x) <= 3 else math.copysign(3 + math.log(abs(x) - 2), x)


# T and f*(T) of a logit, by the columns of tables 2 and 6 of f-GAN; of Jeffreys as in its appendix, with u = e^v.
DIVERGENCES: Mapping[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "kl": (lambda v: 1 + bent(v), lambda v: math.exp(bent(v))),
    "reverse-kl": (lambda v: -math.exp(-bent(v)), lambda v: -1 - math.log(math.exp(-bent(v)))),
    "pearson": (lambda v: v, lambda v: v**2 / 4 + v),
    "neyman": (lambda v: 1 - math.exp(-bent(v)), lambda v: 2 - 2 * math.sqrt(math.exp(-bent(v)))),
    "hellinger": (lambda v: 1 - math.exp(-bent(v)), lambda v: (1 - math.exp(-bent(v))) / math.exp(-bent(v))),
    "jeffreys": (
        lambda v: 1 + bent(v) - math.exp(-bent(v)),
        lambda v: math.exp(bent(v)) + bent(v) - 1,
    ),
    "jensen-shannon": (lambda v: math.log(2) - softplus(-v), lambda v: -math.log(2) + softplus(v)),
    "gan": (lambda v: -softplus(-v), softplus),
}


def divergence(name: str, minimax: bool) -> Formula:
    activation, conjugate = DIVERGENCES[name]
    return each(
        lambda real, fake: -(activation(real) - conjugate(fake)),
        (lambda fake: -conjugate(fake)) if minimax else (lambda fake: -activation(fake)),
    )


FORMULAS = {
    "bce": each(lambda real, fake: softplus(-real) + softplus(fake), lambda fake: softplus(-fake)),
    "saturating": each(lambda real, fake: softplus(-real) + softplus(fake), lambda fake: -softplus(fake)),
    "lsgan": each(lambda real, fake: (real - 1) ** 2 + fake**2, lambda fake: (fake - 1) ** 2),
    "hinge": each(lambda real, fake: max(0.0, 1 - real) + max(0.0, 1 + fake), lambda fake: -fake),
    "wasserstein": each(lambda real, fake: fake - real, lambda fake: -fake),
    "ragan form=standard": relativistic(lambda lead: softplus(-lead), softplus),
    "ragan form=least-squares": relativistic(lambda lead: (lead - 1) ** 2, lambda lead: (lead + 1) ** 2),
    "ragan form=hinge": relativistic(lambda lead: max(0.0, 1 - lead), lambda lead: max(0.0, 1 + lead)),
    "rpgan": Formula(
        lambda real, fake: [softplus(-(x - y)) for x, y in zip(real, fake, strict=True)],
        lambda fake, real: [softplus(-(y - x)) for x, y in zip(real, fake, strict=True)],
        compares=True,
    ),
    # The energy is −logit, the margin 1, and k is ½ here.
    "ebgan": each(lambda real, fake: -real + max(0.0, 1 - -fake), lambda fake: -fake),
    "began": each(lambda real, fake: -real - 0.5 * -fake, lambda fake: -fake),
    **{
        f"fgan divergence={name} minimax={minimax}": divergence(name, minimax)
        for name in DIVERGENCES
        for minimax in (False, True)
    },
}


def test_every_form_of_every_loss_has_its_formula_here() -> None:
    assert FORMULAS.keys() == FORMS.keys(), "write its formula down, and its test is done"


@pytest.mark.parametrize("form", FORMULAS)
class TestAgainstFormulas:
    @bounded
    @given(pairs=pairs)
    def test_discriminator(self, form: str, pairs: list[tuple[float, float]]) -> None:
        real, fake = zip(*pairs, strict=True)
        expected = FORMULAS[form].discriminator(real, fake)
        found = form_of(form).discriminator(column(real), column(fake))
        torch.testing.assert_close(found, column(expected), **CLOSE)

    @bounded
    @given(pairs=pairs)
    def test_generator(self, form: str, pairs: list[tuple[float, float]]) -> None:
        real, fake = zip(*pairs, strict=True)
        asked = (lambda: column(real)) if FORMULAS[form].compares else unasked
        found = form_of(form).generator(column(fake), asked)
        torch.testing.assert_close(found, column(FORMULAS[form].generator(fake, real)), **CLOSE)

    @bounded
    @given(pairs=st.lists(st.tuples(st.floats(-20, 20), st.floats(-20, 20)), min_size=1, max_size=3))
    def test_gradients_are_the_slopes_of_the_formulas(self, form: str, pairs: list[tuple[float, float]]) -> None:
        """Of both players, with respect to real and to fake logits."""
        h = 1e-5
        scores = [score for pair in pairs for score in pair]
        corners = [1.0, -1.0, 3.0, -3.0]  # of hinges, margins and bent logits
        leads = [x - fmean(pair[1] for pair in pairs) for x, _ in pairs] + [
            y - fmean(pair[0] for pair in pairs) for _, y in pairs
        ]
        assume(all(abs(value - corner) > 2 * h for value in (*scores, *leads) for corner in corners))
        loss, (real, fake) = form_of(form), (list(side) for side in zip(*pairs, strict=True))
        x, y = column(real), column(fake)
        players = {
            "discriminator": (loss.discriminator(x, y), lambda a, b: sum(FORMULAS[form].discriminator(a, b))),
            "generator": (loss.generator(y, lambda: x), lambda a, b: sum(FORMULAS[form].generator(b, a))),
        }
        for player, (losses, formula) in players.items():
            found = torch.autograd.grad(losses.sum(), (x, y), allow_unused=True, materialize_grads=True)
            rounding = 1e-11 * abs(formula(real, fake))  # of the difference, divided by 2h
            for side, gradient in enumerate(found):
                for row in range(len(pairs)):
                    ends = []
                    for step in (h, -h):
                        moved = [list(real), list(fake)]
                        moved[side][row] += step
                        ends.append(formula(*moved))
                    slope = (ends[0] - ends[1]) / (2 * h)
                    assert gradient[row].item() == pytest.approx(slope, rel=1e-6, abs=1e-6 + rounding), player


@pytest.mark.parametrize("form", FORMS)
class TestEveryLoss:
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
    def test_finite_with_finite_gradients_at_any_logit(self, form: str, dtype: torch.dtype) -> None:
        grid = [(real, fake) for real in EXTREME for fake in EXTREME]
        real, fake = (column(values, dtype) for values in zip(*grid, strict=True))
        loss = form_of(form)
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
    def test_the_players_pull_against_each_other(self, form: str, real: list[float], fake: list[float]) -> None:
        """Logits strictly between 0 and 1 lie inside every margin and between every pair of targets."""
        x, y = column(real), column(fake)
        loss = form_of(form)
        of_real, of_fake = torch.autograd.grad(loss.discriminator(x, y).sum(), (x, y))
        (of_generator,) = torch.autograd.grad(loss.generator(y, x.detach).sum(), y)
        assert (of_real < 0).all(), "the discriminator's loss falls as the real logit rises"
        assert (of_fake > 0).all(), "the discriminator's loss falls as the fake logit falls"
        assert (of_generator < 0).all(), "the generator's loss falls as the fake logit rises"

    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("device", ["cpu", "meta"])
    def test_nothing_is_reduced(self, form: str, shape: tuple[int, int], device: str) -> None:
        real, fake = torch.zeros(shape, device=device), torch.ones(shape, device=device)
        loss = form_of(form).to(device)
        assert loss.discriminator(real, fake).shape == shape
        assert loss.generator(fake, lambda: real).shape == shape
        assert loss.score(real).shape == shape

    @bounded
    @given(values=st.lists(logits, min_size=2, max_size=9))
    def test_a_score_is_a_probability_or_the_logit_itself(self, form: str, values: list[float]) -> None:
        logit = column(sorted(values)).detach()
        score = form_of(form).score(logit)
        assert torch.equal(score, logit) or ((score >= 0) & (score <= 1)).all()
        assert (score.diff(dim=0) >= 0).all(), "a higher logit never reads as less real"


@bounded
@given(pairs=pairs, drift=st.floats(0, 1))
def test_drift_keeps_the_scores_of_a_wasserstein_critic_near_0(pairs: list[tuple[float, float]], drift: float) -> None:
    real, fake = zip(*pairs, strict=True)
    found = loss_of("wasserstein", drift=drift).discriminator(column(real), column(fake))
    expected = [y - x + drift * x**2 for x, y in pairs]
    torch.testing.assert_close(found, column(expected), rtol=1e-12, atol=1e-7)


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
