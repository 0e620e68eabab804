"""The Dirac-GAN with each penalty: its eigenvalues at the equilibrium, and where it goes, against the closed forms."""

from __future__ import annotations

import cmath
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make
from ganzoo.contract.networks import ConditionedDiscriminator, DiscriminatorOutput
from ganzoo.contract.penalty import Penalties
from ganzoo.randomness import FreshDraws

RATE = 0.1


def made(kind: str, name: str, **options: Any) -> Any:
    component = installed().component(kind, name)
    return resolve(component)(make(component.config, options, name))


class Line(nn.Module):
    """D(x) = ψx."""

    def __init__(self, psi: float):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(psi, dtype=torch.float64))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.psi * x, x)


class Dirac:
    """Real data is the point 0, the generator makes the point θ (Mescheder et al. 2018, arXiv 1801.04406)."""

    def __init__(self, loss: str, penalty: str, **options: Any):
        self.loss = made("loss", loss)
        self.penalties = Penalties([made("penalty", penalty, **options)])
        self.draws = FreshDraws(torch.Generator().manual_seed(0))

    def field(self, psi: float, theta: float) -> tuple[float, float]:
        """The negative gradients of both players."""
        critic, real = Line(psi), torch.zeros(1, 1, dtype=torch.float64)
        point = torch.full((1, 1), theta, dtype=torch.float64, requires_grad=True)
        fake = point.detach()
        total = self.loss.discriminator(critic.psi * real, critic.psi * fake).mean()
        terms = self.penalties(ConditionedDiscriminator(critic, None), real, fake, self.draws).terms
        total = total + sum(term.mean() for term in terms.values())
        (of_psi,) = torch.autograd.grad(total, critic.psi)
        loss = self.loss.generator(critic.psi.detach() * point, lambda: critic.psi.detach() * real).mean()
        (of_theta,) = torch.autograd.grad(loss, point)
        return -of_psi.item(), -of_theta.item()

    def eigenvalues(self, h: float = 1e-5) -> list[complex]:
        """Those of the derivative of the field at the equilibrium (0, 0), by central differences."""
        columns = []
        for psi, theta in ((h, 0.0), (0.0, h)):
            both = zip(self.field(psi, theta), self.field(-psi, -theta), strict=True)
            columns.append([(above - below) / (2 * h) for above, below in both])
        return sorted(torch.linalg.eigvals(torch.tensor(columns)).tolist(), key=lambda value: (value.real, value.imag))

    def distances(self, steps: int) -> list[float]:
        """Alternate updates at a rate of 0.1 from (1, 1), each followed by the constraints of the penalty."""
        psi, theta, found = 1.0, 1.0, []
        for _ in range(steps):
            critic = Line(psi + RATE * self.field(psi, theta)[0])
            with torch.no_grad():
                self.penalties.after_update(critic, {})
            psi = critic.psi.item()
            theta += RATE * self.field(psi, theta)[1]
            found.append(math.hypot(psi, theta))
        return found


SLOPES = {"bce": 0.5, "wasserstein": 1.0, "hinge": 1.0}  # f′(0)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("penalty", ["r1", "r2"])
@pytest.mark.parametrize("loss", SLOPES)
def test_zero_centred_penalties_have_the_eigenvalues_of_the_paper(loss: str, penalty: str, gamma: float) -> None:
    root = cmath.sqrt(gamma**2 / 4 - SLOPES[loss] ** 2)
    expected = sorted([-gamma / 2 - root, -gamma / 2 + root], key=lambda value: (value.real, value.imag))
    found = Dirac(loss, penalty, gamma=gamma).eigenvalues()
    assert all(value.real < 0 for value in found), "it converges"
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-3)


@pytest.mark.parametrize(
    ("penalty", "options"),
    [("none", {}), ("drift", {"weight": 1.0}), ("lecam", {}), ("clipping", {}), ("wgan-gp", {"sides": "one"})],
)
def test_penalties_that_vanish_at_the_equilibrium_leave_it_a_centre(penalty: str, options: dict[str, Any]) -> None:
    for loss, slope in SLOPES.items():
        found = Dirac(loss, penalty, **options).eigenvalues()
        assert [value.real for value in found] == pytest.approx([0, 0], abs=1e-4)
        assert sorted(value.imag for value in found) == pytest.approx([-slope, slope], abs=1e-3)


@pytest.mark.parametrize("penalty", ["r1", "r2"])
def test_zero_centred_penalties_arrive(penalty: str) -> None:
    assert Dirac("wasserstein", penalty, gamma=0.3).distances(400)[-1] < 1e-2


@pytest.mark.parametrize(
    ("penalty", "options"),
    [
        ("drift", {"weight": 1.0}),
        ("wgan-gp", {"sides": "one"}),
        ("wgan-gp", {"weight": 1.0}),
        ("dragan", {"weight": 1.0}),
    ],
)
def test_the_others_do_not(penalty: str, options: dict[str, Any]) -> None:
    distances = Dirac("wasserstein", penalty, **options).distances(300)
    assert all(math.isfinite(distance) for distance in distances)
    # Where the slope is pulled to 1, or nothing is asked below it, the orbit stays as far out.
    assert max(distances[250:]) > 0.5


@pytest.mark.parametrize("limit", [0.1, 0.5])
def test_clipped_it_ends_on_the_orbit_that_the_clipping_allows(limit: float) -> None:
    distances = Dirac("wasserstein", "clipping", limit=limit).distances(500)
    assert min(distances[400:]) == pytest.approx(limit, rel=0.1)
    assert max(distances[400:]) == pytest.approx(limit, rel=0.1)
