"""Defects of losses that are known from published code; each test fails for code that has the defect."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import installed
from ganzoo.catalogue.options import options_of
from ganzoo.contract.head import HeadInput
from ganzoo.contract.loss import Loss
from ganzoo.testing.loss_cases import loss_forms, loss_of

FORMS = loss_forms()
DIVERGENCES = next(item.choices for item in options_of(installed().component("loss", "fgan").config) if item.choices)


def scores(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None].requires_grad_(True)


def unasked() -> Tensor:
    raise AssertionError("it must not ask for the logits of the real batch")


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_fgan_signs(divergence: str) -> None:
    """An activation that falls, such as exp(v) for −exp(−v), teaches the discriminator to call fakes real."""
    real, fake = scores(0.0), scores(0.0)
    loss = loss_of("fgan", divergence=divergence)
    of_real, of_fake = torch.autograd.grad(loss.discriminator(real, fake).sum(), (real, fake))
    (of_generator,) = torch.autograd.grad(loss.generator(fake, unasked).sum(), fake)
    assert of_real < 0 and of_fake > 0 and of_generator < 0


@pytest.mark.parametrize("divergence", DIVERGENCES)
def test_fgan_overflow(divergence: str) -> None:
    """f* of an activation, one after the other, is inf or NaN from a logit of about 90 on, in float32."""
    real, fake = (torch.tensor([[-1e4], [1e4]], requires_grad=True) for _ in range(2))
    loss = loss_of("fgan", divergence=divergence)
    losses = loss.discriminator(real, fake)
    gradients = torch.autograd.grad(losses.sum(), (real, fake))
    assert losses.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_ebgan_margin_of_the_batch_mean() -> None:
    """max(0, m − mean E) pushes fakes that are beyond the margin, and stops for those within it."""
    fake = scores(-0.2, -2.6)  # energies whose mean is above the margin
    losses = loss_of("ebgan", margin=1.0).discriminator(scores(0.0, 0.0), fake)
    (gradient,) = torch.autograd.grad(losses.sum(), fake)
    assert losses.flatten().tolist() == pytest.approx([0.8, 0.0])
    assert gradient.flatten().tolist() == [1.0, 0.0]


def test_ebgan_pulling_away_of_both_norms_and_codes_only() -> None:
    """The cosine is divided by both norms, so the length of a code changes nothing."""
    component = installed().component("head", "pulling-away")
    head = resolve(component)(component.config(), 2, None, None)
    codes = torch.tensor([[3.0, 0.0], [0.0, 5.0], [1.0, 1.0]])
    (term,) = head.generator(HeadInput(codes)).values()
    squared = [[0, 0, 0.5], [0, 0, 0.5], [0.5, 0.5, 0]]
    assert term.tolist() == pytest.approx([0.1 * sum(row) / 2 for row in squared])
    (longer,) = head.generator(HeadInput(codes * torch.tensor([[7.0], [0.1], [2.0]]))).values()
    torch.testing.assert_close(longer, term)
    assert dict(head.discriminator(HeadInput(codes), HeadInput(codes))) == {}


class TestBEGAN:
    @staticmethod
    def began(k: float, **options: float) -> Loss:
        loss = loss_of("began", **options)
        loss.k.fill_(k)  # type: ignore[union-attr, operator]
        return loss

    @staticmethod
    def means(real: float, fake: float) -> Mapping[str, Tensor]:
        return {"E(x)": torch.tensor(real), "E(G(z))": torch.tensor(fake)}

    @pytest.mark.parametrize(("k", "real", "fake", "expected"), [(0.0, 0.1, 5.0, 0.0), (1.0, 5.0, 0.1, 1.0)])
    def test_k_not_clamped(self, k: float, real: float, fake: float, expected: float) -> None:
        """A k below 0 asks the discriminator to reconstruct fakes well."""
        loss = self.began(k, rate=0.1)
        loss.after_update("discriminator", self.means(real, fake))
        assert float(loss.k) == expected  # type: ignore[arg-type]

    def test_sign_of_the_balance(self) -> None:
        """k rises where fakes are reconstructed better than the ratio asks for, so that they count more."""
        loss = self.began(0.5, ratio=0.5, rate=0.1)
        loss.after_update("discriminator", self.means(1.0, 0.2))
        assert float(loss.k) == pytest.approx(0.5 + 0.1 * (0.5 * 1.0 - 0.2))  # type: ignore[arg-type]
        assert float(loss.M) == pytest.approx(1.0 + abs(0.5 * 1.0 - 0.2))  # type: ignore[arg-type]
        loss.after_update("discriminator", self.means(1.0, 0.9))
        assert float(loss.k) == pytest.approx(0.53 - 0.1 * 0.4)  # type: ignore[arg-type]

    def test_k_with_a_graph(self) -> None:
        """k is a number of the state: no gradient flows into it, and the generator's update leaves it as it is."""
        loss = self.began(0.5)
        real, fake = scores(-1.0, -3.0), scores(-2.0, -4.0)
        assert loss.discriminator(real, fake).flatten().tolist() == [1 - 0.5 * 2, 3 - 0.5 * 4]
        loss.after_update("generator", {})
        assert float(loss.k) == 0.5  # type: ignore[arg-type]
        assert not loss.k.requires_grad  # type: ignore[union-attr]
        assert {name: value.flatten().tolist() for name, value in loss.statistics(real, fake).items()} == {
            "E(x)": [1.0, 3.0],
            "E(G(z))": [2.0, 4.0],
        }


RELATIVISTIC = [form for form in FORMS if form.startswith(("ragan", "rpgan"))]


@pytest.mark.parametrize("form", RELATIVISTIC)
class TestRelativistic:
    def test_real_scores_detached(self, form: str) -> None:
        """The generator's loss has a gradient through real scores, whose network it does not own but passes."""
        name, options = FORMS[form]
        real, fake = scores(0.3, -0.2), scores(0.1, 0.4)
        losses = loss_of(name, **options).generator(fake, lambda: real)
        of_fake, of_real = torch.autograd.grad(losses.sum(), (fake, real))
        assert (of_fake < 0).all() and (of_real > 0).all()
        assert of_fake.sum().item() == pytest.approx(-of_real.sum().item()), "only the difference counts"

    def test_overwritten_by_the_plain_loss(self, form: str) -> None:
        """The generator's loss depends on the real scores: where fakes lead by far, little is left of it."""
        name, options = FORMS[form]
        loss, fake = loss_of(name, **options), scores(0.1, 0.4)
        behind, level = (loss.generator(fake, lambda real=real: real).sum() for real in (scores(2, 2), scores(0, 0)))
        assert behind > level

    def test_a_shift_of_all_scores_changes_nothing(self, form: str) -> None:
        name, options = FORMS[form]
        loss, real, fake = loss_of(name, **options), scores(0.3, -0.2), scores(0.1, 0.4)
        torch.testing.assert_close(loss.discriminator(real + 5, fake + 5), loss.discriminator(real, fake))


def test_r3gans_equation_read_literally() -> None:
    """As a minimax game the generator would stop where the discriminator wins; here its gradient is 1 there."""
    real, fake = scores(30.0), scores(0.0)
    losses = loss_of("rpgan").generator(fake, lambda: real)
    of_fake, of_real = torch.autograd.grad(losses.sum(), (fake, real))
    assert (of_fake.item(), of_real.item()) == pytest.approx((-1.0, 1.0))
    assert losses.item() == pytest.approx(30.0)


@pytest.mark.parametrize("name", ["bce", "saturating", "ragan", "rpgan"])
def test_cross_entropy_of_probabilities(name: str) -> None:
    """log σ of a logit of 200 is log 1 = 0 and log(1 − σ) is log 0, in any precision."""
    real, fake = (torch.tensor([[sign * 200.0]], requires_grad=True) for sign in (-1, 1))
    losses = loss_of(name).discriminator(real, fake)
    of_real, of_fake = torch.autograd.grad(losses.sum(), (real, fake))
    assert losses.item() in (400.0, 800.0), "each term is the wrong logit, or lead, itself"
    assert of_real.item() == -of_fake.item() <= -1


@pytest.mark.parametrize("targets", [{"real_target": 0.9}, {"real_target": 0.9, "fake_target": 0.1}])
def test_smoothing_of_the_generators_target(targets: Mapping[str, float]) -> None:
    """Its gradient would turn round at a logit of log 9, where a fake is real enough."""
    fake = scores(math.log(9), 20.0)
    (gradient,) = torch.autograd.grad(loss_of("bce", **targets).generator(fake, unasked).sum(), fake)
    assert (gradient < 0).all()
