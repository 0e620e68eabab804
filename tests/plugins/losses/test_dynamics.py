"""Where training goes: the Dirac-GAN, on which theory says who converges, and the ring, on which GANs lose modes."""

from __future__ import annotations

import cmath
import functools
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed, select
from ganzoo.catalogue.options import make
from ganzoo.catalogue.selection import recipe_slots
from ganzoo.contract.loss import Loss
from ganzoo.randomness import FreshDraws
from ganzoo.testing.critics import critic_of
from ganzoo.testing.loss_cases import loss_forms, loss_of

FORMS = loss_forms()
LOSSES = installed().names("loss")
RATE = 0.1  # of SGD
STRENGTHS = {"none": {}, "r1": {"gamma": 0.3}, "r2": {"gamma": 0.3}, "wgan-gp": {"weight": 1.0}}
START = math.sqrt(2.0)  # the distance of (1, 1) from the equilibrium (0, 0)


def made(kind: str, name: str, **options: Any) -> Any:
    component = installed().component(kind, name)
    return resolve(component)(make(component.config, options, name))


def slope(loss: Loss, logit: float) -> float:
    """What pulls a logit that real and fake examples share; zero where the two balance."""
    real, fake = (torch.tensor([[logit]], dtype=torch.float64, requires_grad=True) for _ in range(2))
    gradients = torch.autograd.grad(loss.discriminator(real, fake).sum(), (real, fake))
    return sum(gradient.item() for gradient in gradients)


def balance(loss: Loss) -> float:
    """The logit of a discriminator that cannot tell real from fake: ½ for targets 0 and 1, 0 for most losses."""
    if slope(loss, 0.0) == 0.0:
        return 0.0
    low, high = -10.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(loss, middle) > 0 else (middle, high)
    return (low + high) / 2


@functools.cache
def dirac(loss_name: str, penalty_name: str, steps: int, alternating: bool = True) -> list[float]:
    """The distance from the equilibrium after each step of the Dirac-GAN (Mescheder et al. 2018, arXiv 1801.04406).

    Real data is the point 0, the generator makes the point θ, and D(x) = ψx, beside the logit at which the loss
    balances. Both begin at 1 and go down the gradient of the library's own loss, by SGD at a rate of 0.1; the
    generator answers the discriminator's new ψ where the steps alternate, the old one where they do not.
    """
    loss = loss_of(loss_name)
    penalty = made("penalty", penalty_name, **STRENGTHS[penalty_name])
    base = balance(loss)
    psi, theta = (torch.ones(1, 1, dtype=torch.float64, requires_grad=True) for _ in range(2))
    real, rng = torch.zeros(1, 1, dtype=torch.float64), FreshDraws(torch.Generator().manual_seed(0))
    distances = []
    for _ in range(steps):

        def critic(x: Tensor, psi: Tensor = psi) -> Tensor:
            return base + psi * x

        fake = theta.detach()
        total = loss.discriminator(critic(real), critic(fake)).mean()
        for term in penalty(critic_of(critic), real, fake, rng).values():
            total = total + term.mean()
        (of_psi,) = torch.autograd.grad(total, psi)
        new_psi = (psi - RATE * of_psi).detach().requires_grad_(True)
        seen = (new_psi if alternating else psi).detach()
        (of_theta,) = torch.autograd.grad(
            loss.generator(base + seen * theta, lambda seen=seen: base + seen * real).mean(), theta
        )
        psi, theta = new_psi, (theta - RATE * of_theta).detach().requires_grad_(True)
        distances.append(math.hypot(psi.item(), theta.item()))
    return distances


class TestDirac:
    def test_the_balance_of_the_losses_at_hand(self) -> None:
        expected = {"bce": 0.0, "saturating": 0.0, "hinge": 0.0, "wasserstein": 0.0, "lsgan": 0.5}
        assert {name: balance(made("loss", name)) for name in expected} == pytest.approx(expected)
        assert balance(made("loss", "bce", real_target=0.9)) == pytest.approx(math.log(0.45 / 0.55))

    @pytest.mark.parametrize("name", ["saturating", "wasserstein", "hinge"])
    def test_unregularised_it_orbits_for_ever(self, name: str) -> None:
        distances = dirac(name, "none", 500)
        assert distances[-1] > 1.3
        # Not by luck of the last step: the whole last turn of the orbit is as far out as the beginning.
        assert min(distances[400:]) > 1.3

    @pytest.mark.parametrize("name", ["saturating", "wasserstein", "hinge"])
    def test_unregularised_it_spirals_outwards_where_steps_are_simultaneous(self, name: str) -> None:
        distances = dirac(name, "none", 500, alternating=False)
        assert distances[-1] > START

    def test_its_orbit_is_the_ellipse_that_theory_gives(self) -> None:
        """Alternating steps of ψθ keep ψ² + θ² − lr·ψθ as it is, 2 − lr at (1, 1); so r can never fall below 1.345."""
        distances = dirac("wasserstein", "none", 500)
        assert min(distances) == pytest.approx(math.sqrt((2 - RATE) / (1 + RATE / 2)), rel=1e-3)
        assert max(distances) == pytest.approx(math.sqrt((2 - RATE) / (1 - RATE / 2)), rel=1e-3)
        hinge = dirac("hinge", "none", 500)
        assert hinge == pytest.approx(distances, rel=1e-9), "|ψθ| stays below its margin of 1, so it is the same game"

    def test_non_saturating_it_creeps_in_but_does_not_arrive(self) -> None:
        """Its orbit is damped, less so the nearer it comes: slower than any exponential."""
        distances = dirac("bce", "none", 2000)
        assert 0.3 < distances[499] < START
        assert distances[-1] > 0.1

    @pytest.mark.parametrize(
        ("name", "penalty"), [*((name, "r1") for name in LOSSES), ("saturating", "r2"), ("wasserstein", "r2")]
    )
    def test_with_a_zero_centred_penalty_every_loss_converges(self, name: str, penalty: str) -> None:
        distances = dirac(name, penalty, 600)
        assert distances[499] < 1e-2
        assert distances[599] < 1e-3

    def test_it_converges_at_the_rate_that_theory_gives(self) -> None:
        """A step multiplies areas by 1 − lr·γ, so both of its eigenvalues have the square root of that as modulus."""
        distances = dirac("wasserstein", "r1", 2000)
        rate = (math.log(distances[1999]) - math.log(distances[999])) / 1000
        assert rate == pytest.approx(math.log(1 - RATE * 0.3) / 2, rel=0.02)

    def test_the_one_centred_penalty_does_not_make_it_converge(self) -> None:
        """Mescheder et al. 2018, section 3: the critic's slope is pulled to 1, and at the equilibrium it must be 0."""
        distances = dirac("wasserstein", "wgan-gp", 1000)
        assert all(math.isfinite(distance) for distance in distances)
        assert min(distances[500:]) > 1


class TestFieldAroundTheEquilibrium:
    """The Dirac-GAN's vector field at ψ = θ = 0: its eigenvalues decide who converges (Mescheder et al. 2018).

    The paper's are −γ/2 ± √(γ²/4 − f′(0)²). Where a loss is not symmetric, f′(0)² is the product of how strongly the
    discriminator pushes a fake away, and the generator pushes it back.
    """

    @staticmethod
    def pushes(loss: Loss) -> tuple[float, float]:
        """The slopes of both players' losses along a lead of a real example over a fake, where they balance."""
        base = balance(loss)
        lead = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
        fake = base - lead
        of_both = (loss.discriminator(lead * 0 + base, fake), loss.generator(fake, lambda: lead.detach() * 0 + base))
        away, back = (torch.autograd.grad(losses.sum(), lead, retain_graph=True)[0].item() for losses in of_both)
        return -away, back

    @staticmethod
    def eigenvalues(loss: Loss, gamma: float) -> list[complex]:
        base, real = balance(loss), torch.zeros(1, 1, dtype=torch.float64)
        penalty = made("penalty", "r1", gamma=gamma)
        rng = FreshDraws(torch.Generator().manual_seed(0))

        def field(psi: Tensor, theta: Tensor) -> tuple[Tensor, Tensor]:
            def critic(x: Tensor) -> Tensor:
                return base + psi * x

            of_discriminator = loss.discriminator(critic(real), critic(theta)).sum()
            of_discriminator = of_discriminator + penalty(critic_of(critic), real, theta, rng)["r1"].sum()
            of_generator = loss.generator(critic(theta), lambda: critic(real)).sum()
            (of_psi,) = torch.autograd.grad(of_discriminator, psi, create_graph=True)
            (of_theta,) = torch.autograd.grad(of_generator, theta, create_graph=True)
            return -of_psi, -of_theta

        nothing = tuple(torch.zeros(1, 1, dtype=torch.float64, requires_grad=True) for _ in range(2))
        rows = torch.autograd.functional.jacobian(field, nothing)
        jacobian = torch.tensor([[entry.item() for entry in row] for row in rows], dtype=torch.float64)
        return sorted(torch.linalg.eigvals(jacobian).tolist(), key=lambda value: (value.real, value.imag))

    @pytest.mark.parametrize("gamma", [0.0, 0.3, 10.0])
    @pytest.mark.parametrize("form", FORMS)
    def test_its_eigenvalues_are_those_of_the_theory(self, form: str, gamma: float) -> None:
        name, options = FORMS[form]
        loss = loss_of(name, **options)
        away, back = self.pushes(loss)
        root = cmath.sqrt(gamma**2 / 4 - away * back)
        expected = sorted((-gamma / 2 - root, -gamma / 2 + root), key=lambda value: (value.real, value.imag))
        found = self.eigenvalues(loss, gamma)
        assert away > 0 and back > 0
        assert [value.real for value in found] == pytest.approx([value.real for value in expected], abs=1e-6)
        assert [value.imag for value in found] == pytest.approx([value.imag for value in expected], abs=1e-6)
        if gamma:
            assert max(value.real for value in found) < 0, "it converges"
        else:
            assert [value.real for value in found] == pytest.approx([0, 0], abs=1e-6), "it circles"

    @pytest.mark.parametrize(("name", "slope"), [("bce", 0.5), ("wasserstein", 1.0), ("ragan", 1.0), ("rpgan", 0.5)])
    def test_the_slopes_at_hand(self, name: str, slope: float) -> None:
        assert self.pushes(loss_of(name)) == pytest.approx((slope, slope))


def ring_scores(points: Tensor, radius: float = 2.0, std: float = 0.1, modes: int = 8) -> tuple[list[float], float]:
    """The share of the points within 3σ of each mode, and of any."""
    angles = torch.arange(modes) * (2 * math.pi / modes)
    centres = radius * torch.stack([angles.cos(), angles.sin()], dim=1)
    distance, nearest = torch.cdist(points, centres).min(1)
    near = torch.bincount(nearest[distance < 3 * std], minlength=modes) / len(points)
    return near.tolist(), near.sum().item()


def test_the_scores_of_the_ring_itself() -> None:
    """Real points score 1 − e^(−9/2) = 98.9 %; noise of the same size does not."""
    config = installed().component("dataset", "ring").config()
    spec = config.spec(Path())
    points = resolve(installed().component("dataset", "ring"))(config, Path()).read(torch.arange(20_000))[spec.target]
    modes, share = ring_scores(points)
    assert share == pytest.approx(1 - math.exp(-4.5), abs=0.005)
    assert modes == pytest.approx([share / 8] * 8, abs=0.01)
    assert ring_scores(2 * torch.randn(20_000, 2, generator=torch.Generator().manual_seed(0)))[1] < 0.2


@pytest.mark.long
def test_the_ring_of_eight_gaussians_loses_no_mode(tmp_path: Path) -> None:
    """All 8 modes, and at least 65 % of the samples within 3σ of one; the weight of ‖∇D‖² is γ/2 = 0.1."""
    ganzoo.train(
        "gan",
        progress=False,
        out=tmp_path / "ring",
        dataset="ring",
        generator_widths=(128, 128),
        generator_norm=False,
        discriminator_widths=(128, 128),
        penalty="r1",
        penalty_gamma=0.2,
        optimizer="adam",
        optimizer_lr=1e-3,
        optimizer_betas=(0, 0.99),
        batch_size=256,
        ema=0.995,
        steps=3000,
        device="cpu",
    )
    modes, share = ring_scores(ganzoo.load(tmp_path / "ring").sample(4096))
    assert min(modes) > 0.02, modes
    assert share >= 0.65


class TestNoiseFromZeroUp:
    """A1's trap: uniform noise in [0, 1) has a mean, and the smallest GAN collapses on it."""

    def test_it_is_there_to_be_asked_for_and_never_the_default(self) -> None:
        registry = installed()
        for variant in registry.names("variant"):
            if "latent" not in {slot.kind for slot in recipe_slots(registry, registry.variant(variant))}:
                continue
            for preset in ("default", "published"):
                latent = select(registry, variant, {"latent": "uniform"}, preset).parts["latent"].config
                assert latent.lowest == -1.0  # type: ignore[attr-defined]
                assert latent.highest >= 1.0  # type: ignore[attr-defined]
        asked = select(registry, "gan-minimal", {"latent": "uniform", "latent-lowest": "0"}).parts["latent"].config
        assert (asked.lowest, asked.highest) == (0.0, 1.0)  # type: ignore[attr-defined]

    @pytest.mark.long
    def test_it_collapses_where_the_default_does_not(self, tmp_path: Path) -> None:
        spread = {}
        for lowest in (-1, 0):
            out = tmp_path / str(lowest)
            ganzoo.train(
                "gan-minimal",
                progress=False,
                out=out,
                dataset="digits",
                dataset_size=8,
                latent_lowest=lowest,
                steps=1000,
                ema=0,
                device="cpu",
            )
            spread[lowest] = torch.pdist(ganzoo.load(out).sample(500).flatten(1)).mean().item()
        assert spread[-1] > 1.5, "pictures differ from each other (digits do by 6)"
        assert spread[0] < spread[-1] / 3, "and here they are nearly one picture"
