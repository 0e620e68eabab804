"""Penalties of critics whose gradients are known on paper, and what holds for every penalty."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from ganzoo.assembly.mixed_gradients import mixed_gradients
from ganzoo.assembly.parts import SelectedParts, build_recipe, resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.check import check
from ganzoo.catalogue.options import make
from ganzoo.contract.penalty import Penalties
from ganzoo.randomness import Draws, FreshDraws
from ganzoo.testing.critics import critic_of
from ganzoo.testing.selections import choose
from ganzoo.testing.strategies import examples

PENALTIES = installed().names("penalty")
REAL_PENALTIES = [name for name in PENALTIES if name not in ("none", "clipping")]  # they have terms
GRADIENTS = ("r1", "r2", "wgan-gp", "dragan")
ZERO_CENTRED = ("r1", "r2")
WEIGHTS = {"r1": "gamma", "r2": "gamma", "wgan-gp": "weight"}

bounded = examples(40)
Critic = Callable[[Tensor], Tensor]


def penalty_of(name: str, **options: object) -> Callable[[Critic, Tensor, Tensor, Draws], Mapping[str, Tensor]]:
    """Return a penalty as recipes apply it: a function of a critic, real and fake examples, and draws."""
    component = installed().component("penalty", name)
    penalties = Penalties([resolve(component)(make(component.config, options, name))])
    return lambda critic, real, fake, draws: penalties(critic_of(critic), real, fake, draws).terms


def rng(seed: int = 0) -> Draws:
    return FreshDraws(torch.Generator().manual_seed(seed))


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def only(terms: Mapping[str, Tensor]) -> Tensor:
    (term,) = terms.values()
    return term


def small_network(inputs: int = 6, dtype: torch.dtype = torch.float32) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        network = nn.Sequential(nn.Flatten(1), nn.Linear(inputs, 16), nn.Tanh(), nn.Linear(16, 1))
    return network.to(dtype)


class Recorder:
    """A critic that remembers where it was asked."""

    def __init__(self, critic: Critic):
        self.critic, self.points = critic, []

    def __call__(self, x: Tensor) -> Tensor:
        self.points.append(x.detach().clone())
        return self.critic(x)


class TestKnownCritics:
    @bounded
    @given(
        weight=st.floats(0, 20),
        direction=st.lists(st.floats(-3, 3), min_size=12, max_size=12),
        batch=st.integers(1, 9),
    )
    def test_wgan_gp_of_a_linear_critic(self, weight: float, direction: list[float], batch: int) -> None:
        w = torch.tensor(direction)
        terms = penalty_of("wgan-gp", weight=weight)(
            lambda x: x.flatten(1) @ w.unsqueeze(1), normal(batch, 3, 2, 2), normal(batch, 3, 2, 2, seed=1), rng()
        )
        expected = weight * (math.sqrt(math.fsum(float(x) ** 2 for x in w)) - 1) ** 2
        assert only(terms).tolist() == pytest.approx([expected] * batch, rel=1e-4, abs=1e-5)

    @bounded
    @given(gamma=st.floats(0, 20), seed=st.integers(0, 10_000), batch=st.integers(1, 9))
    @pytest.mark.parametrize("name", ZERO_CENTRED)
    def test_zero_centred_penalty_of_a_quadratic_critic(self, name: str, gamma: float, seed: int, batch: int) -> None:
        """The gradient of ½ xᵀAx is Ax, at real examples for R1 and at fake ones for R2."""
        half = normal(5, 5, seed=seed)
        a = half + half.T
        real, fake = normal(batch, 5, seed=seed + 1), normal(batch, 5, seed=seed + 2)
        found = only(penalty_of(name, gamma=gamma)(lambda x: (x @ a * x).sum(1, keepdim=True) / 2, real, fake, rng()))
        where = (real if name == "r1" else fake).double()
        expected = gamma / 2 * (where @ a.double()).square().sum(1)
        torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-5)

    def test_several_logits_an_example_count_together(self) -> None:
        w = normal(6, 3)
        found = only(penalty_of("r1", gamma=2.0)(lambda x: x @ w, normal(4, 6, seed=1), normal(4, 6, seed=2), rng()))
        torch.testing.assert_close(found, w.sum(1).square().sum().expand(4))

    def test_default_weights_are_those_of_the_papers(self) -> None:
        steep = lambda x: 3.0 * x  # noqa: E731  its gradient is 3 everywhere
        real, fake = normal(4, 1), normal(4, 1, seed=1)
        assert only(penalty_of("wgan-gp")(steep, real, fake, rng())).tolist() == pytest.approx([10 * (3 - 1) ** 2] * 4)
        assert only(penalty_of("r1")(steep, real, fake, rng())).tolist() == pytest.approx([0.5 * 9] * 4)


class TestPointsBetween:
    def points(self, real: Tensor, fake: Tensor, seed: int = 0) -> Tensor:
        critic = Recorder(small_network(math.prod(real.shape[1:])))
        penalty_of("wgan-gp")(critic, real, fake, rng(seed))
        (points,) = critic.points
        return points

    def test_they_lie_on_the_lines_from_fake_to_real_one_share_an_example(self) -> None:
        real, fake = normal(500, 3, 2, 2), normal(500, 3, 2, 2, seed=1)
        shares = ((self.points(real, fake) - fake) / (real - fake)).flatten(1)
        spread = (shares - shares.median(1, keepdim=True).values).abs().median()
        assert spread < 1e-5, "all pixels of one example move by the same share"
        share = shares.median(1).values
        assert ((share >= 0) & (share <= 1)).all()
        assert share.mean().item() == pytest.approx(0.5, abs=0.05)
        assert share.var().item() == pytest.approx(1 / 12, abs=0.015)

    def test_they_depend_on_the_generator_given_and_on_nothing_else(self) -> None:
        real, fake = normal(8, 6), normal(8, 6, seed=1)
        torch.manual_seed(1)
        first = self.points(real, fake)
        torch.manual_seed(2)
        assert torch.equal(first, self.points(real, fake))
        assert not torch.equal(first, self.points(real, fake, seed=1))


def gradient_on_paper(parameters: tuple[Tensor, ...], x: Tensor) -> Tensor:
    """The gradient of v·tanh(Wx + b) with respect to x, by hand."""
    w, b, v = parameters
    return ((1 - torch.tanh(x @ w.T + b).square()) * v) @ w


PAPER: Mapping[str, Callable[[Tensor], Tensor]] = {
    "r1": lambda gradient: 0.7 / 2 * gradient.square().sum(1),
    "r2": lambda gradient: 0.7 / 2 * gradient.square().sum(1),
    "wgan-gp": lambda gradient: 0.7 * (gradient.square().sum(1).sqrt() - 1).square(),
}


@pytest.mark.parametrize("name", PAPER)
def test_gradients_reach_the_critic_as_central_differences_say(name: str) -> None:
    """The penalty's own gradient is a second derivative of the critic: compare it with one that needs no autograd."""
    inputs, units, h = 3, 4, 1e-6
    parameters = tuple(
        normal(*shape, seed=seed, dtype=torch.float64).requires_grad_(True)
        for seed, shape in enumerate([(units, inputs), (units,), (units,)])
    )
    x = normal(5, inputs, seed=9, dtype=torch.float64)
    w, b, v = parameters
    # With one batch as both real and fake, every point between them is known.
    found = only(
        penalty_of(name, **{WEIGHTS[name]: 0.7})(lambda at: (torch.tanh(at @ w.T + b) @ v).unsqueeze(1), x, x, rng())
    )
    torch.testing.assert_close(found, PAPER[name](gradient_on_paper(parameters, x)), rtol=1e-10, atol=1e-12)
    gradients = torch.autograd.grad(found.sum(), parameters)
    for place, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
        differences = torch.zeros_like(gradient)
        for index in range(parameter.numel()):
            step = torch.zeros_like(parameter).detach()
            step.view(-1)[index] = h
            ends = []
            for sign in (1, -1):
                moved = tuple(p.detach() + sign * step if i == place else p.detach() for i, p in enumerate(parameters))
                ends.append(PAPER[name](gradient_on_paper(moved, x)).sum())
            differences.view(-1)[index] = (ends[0] - ends[1]) / (2 * h)
        torch.testing.assert_close(gradient, differences, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", REAL_PENALTIES)
class TestEveryPenalty:
    @pytest.mark.parametrize("shape", [(1, 1, 2, 3), (5, 1, 3, 2), (4, 3, 8, 8)])
    def test_terms_of_one_number_an_example(self, name: str, shape: tuple[int, ...]) -> None:
        network = small_network(math.prod(shape[1:]))
        terms = penalty_of(name)(network, normal(*shape), normal(*shape, seed=1), rng())
        assert terms
        for term in terms.values():
            assert term.shape == shape[:1]
            assert term.dtype == torch.float32
            assert term.isfinite().all()

    def test_the_same_generator_gives_the_same_terms(self, name: str) -> None:
        network, real, fake = small_network(), normal(8, 1, 2, 3), normal(8, 1, 2, 3, seed=1)
        first = penalty_of(name)(network, real, fake, rng())
        second = penalty_of(name)(network, real, fake, rng())
        assert all(torch.equal(first[term], second[term]) for term in first)

    def test_batches_are_left_as_they_are(self, name: str) -> None:
        real, fake = normal(8, 1, 2, 3), normal(8, 1, 2, 3, seed=1)
        penalty_of(name)(small_network(), real, fake, rng())
        assert not real.requires_grad and not fake.requires_grad
        assert torch.equal(real, normal(8, 1, 2, 3)) and torch.equal(fake, normal(8, 1, 2, 3, seed=1))

    def test_meta_tensors_need_no_generator(self, name: str) -> None:
        network = small_network().to("meta")
        batch = torch.empty(4, 1, 2, 3, device="meta")
        terms = penalty_of(name)(network, batch, batch, FreshDraws(None, "meta"))
        torch.stack([term.sum() for term in terms.values()]).sum().backward()
        assert all(term.shape == (4,) for term in terms.values())


@pytest.mark.parametrize("name", GRADIENTS)
class TestEveryGradientPenalty:
    def test_every_weight_that_shapes_the_gradient_learns(self, name: str) -> None:
        network = small_network()
        terms = penalty_of(name)(network, normal(8, 1, 2, 3), normal(8, 1, 2, 3, seed=1), rng())
        torch.stack([term.sum() for term in terms.values()]).sum().backward()
        for parameter_name, parameter in network.named_parameters():
            if parameter_name == "3.bias":  # adds a constant to the logit, so it has no part in the gradient
                continue
            assert parameter.grad is not None, parameter_name
            assert parameter.grad.isfinite().all(), parameter_name
            assert parameter.grad.abs().sum() > 0, parameter_name

    @pytest.mark.parametrize("where", ["everywhere", "at some examples"])
    def test_a_critic_without_a_gradient_breaks_nothing(self, name: str, where: str) -> None:
        """The norm has no derivative at zero: a square root there turns the whole critic into NaN."""
        layer = nn.Linear(6, 1)
        if where == "everywhere":
            nn.init.zeros_(layer.weight)
            network: nn.Module = nn.Sequential(nn.Flatten(1), layer)
        else:
            network = nn.Sequential(nn.Flatten(1), layer, nn.ReLU(), nn.Linear(1, 1))
        terms = penalty_of(name)(network, normal(64, 6), normal(64, 6, seed=1), rng())
        total = torch.stack([term.sum() for term in terms.values()]).sum()
        total.backward()
        assert total.isfinite()
        assert layer.weight.grad is not None
        assert layer.weight.grad.isfinite().all()


@pytest.mark.parametrize("name", GRADIENTS)
class TestUnderAutocast:
    """bf16 has 8 bits of precision; a squared gradient loses them all, so penalties are computed in float32."""

    def test_terms_are_float32(self, name: str) -> None:
        with torch.autocast("cpu", torch.bfloat16):
            terms = penalty_of(name)(small_network(), normal(8, 1, 2, 3), normal(8, 1, 2, 3, seed=1), rng())
        assert all(term.dtype == torch.float32 for term in terms.values())

    def test_fakes_may_come_in_bf16_as_a_generator_makes_them_there(self, name: str) -> None:
        generator = nn.Sequential(nn.Linear(6, 6), nn.Tanh())
        network, real = small_network(), normal(8, 1, 2, 3)
        with torch.autocast("cpu", torch.bfloat16):
            fake = generator(normal(8, 6, seed=1)).detach().view(8, 1, 2, 3)
            assert fake.dtype == torch.bfloat16
            terms = penalty_of(name)(network, real, fake, rng())
        torch.stack([term.sum() for term in terms.values()]).sum().backward()
        assert all(term.dtype == torch.float32 for term in terms.values())
        weight = network[1].weight  # type: ignore[index]
        assert weight.grad.isfinite().all()
        assert weight.grad.abs().sum() > 0

    def test_the_critic_itself_runs_in_float32(self, name: str) -> None:
        network, real, fake = small_network(), normal(8, 1, 2, 3), normal(8, 1, 2, 3, seed=1)
        expected = penalty_of(name)(network, real, fake, rng())
        with torch.autocast("cpu", torch.bfloat16):
            found = penalty_of(name)(network, real, fake, rng())
        for term in expected:
            torch.testing.assert_close(found[term], expected[term], rtol=1e-5, atol=1e-6)


def test_no_penalty_gives_no_terms_and_does_not_ask_the_critic() -> None:
    critic = Recorder(small_network())
    assert dict(penalty_of("none")(critic, normal(4, 6), normal(4, 6), rng())) == {}
    assert critic.points == []


class TestKnownDefects:
    """One test for each defect of circulating code that concerns gradient penalties."""

    @pytest.mark.parametrize("name", ["wgan-gp", "dragan"])
    def test_known_defect_gradient_norm_over_the_wrong_axes(self, name: str) -> None:
        """Per channel or per row, the norms of D(x) = Σ wx would be those of parts of w; it must be that of w."""
        w = normal(3, 4, 5)
        x = normal(2, 3, 4, 5, seed=1)
        terms = penalty_of(name, weight=1.0)(lambda x: (x * w).sum((1, 2, 3)).unsqueeze(1), x, x, rng())
        assert only(terms).tolist() == pytest.approx([(float(w.norm()) - 1) ** 2] * 2, rel=1e-5)

    def test_known_defect_alpha_drawn_for_each_element(self) -> None:
        critic = Recorder(small_network())
        penalty_of("wgan-gp")(critic, torch.ones(6, 1, 2, 3), torch.zeros(6, 1, 2, 3), rng())
        (points,) = critic.points
        assert torch.equal(points, points[:, :, :1, :1].expand_as(points)), "one share for all of an example"
        assert len(points[:, 0, 0, 0].unique()) == 6, "and another for each example"

    def test_known_defect_dragan_noise_of_one_sign_and_scaled_by_the_batch(self) -> None:
        critic = Recorder(small_network())
        real = torch.zeros(500, 6)
        real[0] = 100.0
        penalty_of("dragan", noise=0.3)(critic, real, real, rng())
        (points,) = critic.points
        noise = points - real
        assert noise.mean().item() == pytest.approx(0, abs=0.02)
        assert noise[1:].std().item() == pytest.approx(0.3, rel=0.05), "an outlier does not widen it"
        assert len(noise[1].unique()) == 6, "each number has its own"

    def test_known_defect_r1_without_its_half(self) -> None:
        assert only(penalty_of("r1", gamma=10.0)(lambda x: 2 * x, normal(1, 1), normal(1, 1), rng())).item() == 20

    @pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 3.0])
    def test_one_side_asks_nothing_of_small_slopes(self, slope: float) -> None:
        terms = penalty_of("wgan-gp", weight=10.0, sides="one")(lambda x: slope * x, normal(3, 1), normal(3, 1), rng())
        assert only(terms).tolist() == pytest.approx([10 * max(0.0, slope - 1) ** 2] * 3)


@pytest.mark.parametrize(
    ("variant", "flags", "told"),
    [
        ("dcgan", {"penalty": "r1,drift"}, ["penalty 'r1'", "discriminator 'dcgan'"]),
        ("gan", {"generator_penalty": "path-length"}, ["generator-penalty 'path-length'", "generator 'mlp'"]),
        ("dcgan", {"penalty": "r1", "discriminator_norm": False}, []),
        ("dcgan", {"penalty": "drift"}, []),
    ],
)
def test_known_defect_batch_norm_in_a_penalised_critic(
    variant: str, flags: Mapping[str, object], told: list[str]
) -> None:
    selection = choose(variant, **{"dataset_size": 16, **flags})
    parts = SelectedParts(selection.parts)
    recipe = build_recipe(selection, check(selection), "meta", parts)
    found = list(mixed_gradients(recipe, parts))
    assert len(found) == bool(told)
    assert all(word in found[0] for word in told)
