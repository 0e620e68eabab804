"""Spectral normalisation and the equalised learning rate, against singular values and variances."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.dry_run import assemble
from ganzoo.contract.networks import ConditionedDiscriminator, DiscriminatorOutput
from ganzoo.layers import weight_matrices
from ganzoo.testing.selections import choose
from ganzoo.testing.tapes import recorded
from ganzoo.testing.trainers import everything, make_trainer
from ganzoo.weighted_layers import Layers, weighted_layers

SHAPES = {"linear": (12, 7), "conv": (3, 7, 4), "transposed_conv": (3, 7, 4)}
INPUTS = {"linear": (2, 12), "conv": (2, 3, 8, 8), "transposed_conv": (2, 3, 8, 8)}
PLAIN: dict[str, Any] = {"linear": nn.Linear, "conv": nn.Conv2d, "transposed_conv": nn.ConvTranspose2d}


def made(kind: str, weights: Any = "spectral", **named: Any) -> Any:
    torch.manual_seed(0)
    return getattr(Layers(weights), kind)(*SHAPES[kind], **named)


def singular_value(layer: nn.Module) -> float:
    (matrix,) = weight_matrices(layer)
    return float(torch.linalg.svdvals(matrix.detach())[0])


def effective(layer: Any) -> Tensor:
    weight: Tensor = layer.rule(layer.weight)
    return weight.detach()


@pytest.mark.parametrize("kind", SHAPES)
class TestSpectral:
    def test_known_defect_transposed_convolutions_normalised_over_the_wrong_axis(self, kind: str) -> None:
        """σ is that of the matrix with a row for each output, within 1e-3 after 50 updates."""
        layer = made(kind)
        with torch.no_grad():
            layer.weight.mul_(3.0)
        for _ in range(50):
            layer.after_update()
        sigma = float((layer.weight.detach() / effective(layer)).mean())
        assert sigma == pytest.approx(singular_value(layer), rel=1e-3)

    def test_known_defect_vector_moved_by_every_forward_pass(self, kind: str) -> None:
        """Neither passes nor second derivatives move u; an update moves it once."""
        layer = made(kind)
        before = layer.rule.u.clone()
        x = torch.randn(INPUTS[kind], requires_grad=True)
        outputs = [layer(x).detach().clone() for _ in range(3)]
        (gradient,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
        gradient.square().sum().backward()
        assert torch.equal(layer.rule.u, before)
        assert torch.equal(outputs[0], outputs[2])
        layer.after_update()
        assert not torch.equal(layer.rule.u, before)

    def test_known_defect_vector_not_frozen_in_evaluation(self, kind: str) -> None:
        layer = made(kind)
        x = torch.randn(INPUTS[kind])
        trained = layer(x)
        assert torch.equal(layer.eval()(x), trained)

    def test_names_in_files_are_those_of_the_plain_layer(self, kind: str) -> None:
        plain = PLAIN[kind](*SHAPES[kind])
        layer = made(kind)
        assert set(layer.state_dict()) == {*plain.state_dict(), "rule.u"}
        assert [name for name, _ in layer.named_parameters()] == [name for name, _ in plain.named_parameters()]
        assert layer.load_state_dict(plain.state_dict(), strict=False).missing_keys == ["rule.u"]

    def test_it_computes_what_the_plain_layer_does_with_the_normalised_weight(self, kind: str) -> None:
        layer, plain = made(kind), PLAIN[kind](*SHAPES[kind])
        plain.load_state_dict(layer.state_dict(), strict=False)
        with torch.no_grad():
            plain.weight.copy_(effective(layer))
        x = torch.randn(INPUTS[kind])
        torch.testing.assert_close(layer(x), plain(x))

    def test_sigma_has_a_gradient(self, kind: str) -> None:
        """W / σ(W) does not change with the size of W, so its gradient is orthogonal to W where u has converged."""
        layer = made(kind)
        for _ in range(200):
            layer.after_update()
        weights: Tensor = layer.rule(layer.weight)
        other = torch.randn_like(weights)
        (gradient,) = torch.autograd.grad((weights * other).sum(), layer.weight)
        assert float((gradient * layer.weight).sum().detach()) == pytest.approx(0, abs=1e-4)
        assert gradient.abs().sum() > 0

    def test_variance_is_kept_by_equalised_layers(self, kind: str) -> None:
        """A standard normal input has a standard normal output with gain 1."""
        torch.manual_seed(0)
        named: dict[str, Any] = {} if kind == "linear" else {"stride": 2}
        shape = (256, 128) if kind == "linear" else (64, 64, 4)
        layer = getattr(Layers("equalised"), kind)(*shape, gain=1.0, bias=False, **named)
        x = torch.randn(64, 256) if kind == "linear" else torch.randn(4, 64, 20, 20)
        y = layer(x)
        inner = y if kind == "linear" else y[:, :, 3:-3, 3:-3]
        assert float(inner.detach().var()) == pytest.approx(1, rel=0.1)
        assert float(layer.weight.detach().std()) == pytest.approx(1, rel=0.05)


class _Deep(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        make = Layers("spectral")
        self.layers = nn.Sequential(make.linear(6, 16), nn.LeakyReLU(0.2), make.linear(16, 1))

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.layers(x), x)


def test_a_spectral_discriminator_has_slopes_of_at_most_one_and_stays_finite_with_a_gradient_penalty() -> None:
    """Known defect: spectral normalisation and WGAN-GP together gave NaN."""
    torch.manual_seed(0)
    network = _Deep()
    with torch.no_grad():
        for layer in weighted_layers(network):
            for _ in range(50):
                layer.after_update()
    critic = ConditionedDiscriminator(network, None)
    assert not critic.keeps_statistics, "so that a compiled step compiles the penalty too"
    norm = critic.gradient(torch.randn(50, 6)).norm(dim=1)
    assert norm.max() <= 1 + 1e-4
    (norm - 1).square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in network.parameters())


FLAGS: dict[str, Any] = {
    "generator_weights": "equalised",
    "discriminator_weights": "spectral",
    "penalty": "r1",
    "recipe_discriminator_updates": 2,
    "precision": "fp32",
}


@pytest.mark.parametrize("variant", ["gan", "dcgan"])
@pytest.mark.parametrize("weights", ["spectral", "equalised"])
def test_the_dry_run_takes_them(variant: str, weights: str) -> None:
    assemble(choose(variant, generator_weights=weights, discriminator_weights=weights))


def vectors(trainer: Any) -> list[Tensor]:
    return [layer.rule.u.clone() for layer in weighted_layers(trainer.train_step.recipe.discriminator)]


def test_an_update_moves_the_vectors_once_however_many_passes_it_has() -> None:
    trainer = make_trainer(choose("gan", **{**FLAGS, "recipe_discriminator_updates": 1}))
    recipe: Any = trainer.train_step.recipe
    before = copy.deepcopy(recipe.discriminator)
    trainer.advance()
    with torch.no_grad():
        for old, new in zip(weighted_layers(before), weighted_layers(recipe.discriminator), strict=True):
            old.weight.copy_(new.weight)
            old.after_update()
            assert torch.equal(old.rule.u, new.rule.u)  # type: ignore[arg-type]


def test_recorded_steps_move_them_too() -> None:
    selection = choose("gan", steps=10, dataset_size=8, **FLAGS)
    eager, (replayed, recorder) = make_trainer(selection), recorded(selection)
    for _ in range(10):
        eager.advance()
        replayed.advance()
    assert recorder.tapes
    for one, other in zip(vectors(eager), vectors(replayed), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert {name for name in everything(replayed) if name.endswith("rule.u")}


@pytest.mark.parametrize("variant", ["gan", "dcgan"])
def test_initialisers_leave_equalised_layers_alone(variant: str) -> None:
    trainer = make_trainer(choose(variant, initialiser="normal", generator_weights="equalised"))
    recipe: Any = trainer.train_step.recipe
    found = [layer.weight.detach().std().item() for layer in weighted_layers(recipe.generator)]
    assert found
    assert all(std == pytest.approx(1, rel=0.3) for std in found)
