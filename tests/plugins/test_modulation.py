"""Conditioners that scale and shift: against batch norm, against formulas, and against known defects."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import Field, installed
from ganzoo.catalogue.options import make
from ganzoo.contract.conditioner import Conditioner, Sites, Unconditioned
from ganzoo.errors import UserError
from ganzoo.testing.selections import choose
from ganzoo_cgan.configs import ModulationConfig
from ganzoo_cgan.modulation import AdaIN, AdaINNoise, ConditionalBatchNorm, Film, FilmNoise

CLASSES = Field("class", classes=3)
CAPTIONS = Field("tokens", (4,), names=("<pad>", "red", "ball"))
VECTOR = Field("vector", (2,))
IMAGE, NOISE = (1, 16, 16), (10,)
NARROW: dict[str, dict[str, Any]] = {
    "mlp": {"widths": (9, 8)},
    "dcgan": {"width": 4},
    "strided": {"widths": (4, 4)},
    "upsampling": {"widths": (4, 4)},
}
NORMED = [
    ("generator", "mlp"),
    ("generator", "dcgan"),
    ("generator", "upsampling"),
    ("discriminator", "dcgan"),
    ("discriminator", "strided"),
]
EVERY_NETWORK = [*NORMED, ("discriminator", "mlp")]


def network_of(kind: str, name: str, target: type[Conditioner]) -> nn.Module:
    component = installed().component(kind, name)
    sites = Sites(target, ModulationConfig(), CLASSES)
    made = {"out": Field("image", IMAGE)} if kind == "generator" else {}
    torch.manual_seed(0)
    network: nn.Module = resolve(component)(
        make(component.config, NARROW[name], name),
        in_shape=NOISE if kind == "generator" else IMAGE,
        sites=sites,
        **made,
    )
    return network


def answer(network: nn.Module, kind: str, condition: Tensor | None) -> Tensor:
    """The output for six examples; layers with dropout draw the same each time."""
    torch.manual_seed(1)
    made = network(torch.randn(6, *(NOISE if kind == "generator" else IMAGE)), condition)
    return made if kind == "generator" else made.logit


LABELS = torch.tensor([0, 1, 2, 2, 0, 1])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("kind", "name"), NORMED)
def test_conditional_batch_norm_begins_as_batch_norm(kind: str, name: str, training: bool) -> None:
    conditional = network_of(kind, name, ConditionalBatchNorm).train(training)
    plain = network_of(kind, name, Unconditioned).train(training)
    weights = {key: value for key, value in conditional.state_dict().items() if "embedding" not in key}
    assert not plain.load_state_dict(weights, strict=False).unexpected_keys
    assert torch.equal(answer(conditional, kind, LABELS), answer(plain, kind, None))


@pytest.mark.parametrize("field", [CLASSES, VECTOR, CAPTIONS], ids=lambda field: field.kind)
def test_class_embedding_of_gamma_must_start_at_1(field: Field) -> None:
    """A known defect: rows around 0 switch every channel off. Not even an empty caption may do that."""
    values = {"class": torch.tensor([0, 1, 2]), "vector": torch.randn(3, 2), "tokens": torch.zeros(3, 4).long()}
    x = torch.randn(3, 5, 4, 4)
    assert torch.equal(Film(ModulationConfig(), (5, 4, 4), field)(x, values[field.kind]), x)
    for kind, name in NORMED:
        rows = [
            (key, value)
            for key, value in network_of(kind, name, ConditionalBatchNorm).state_dict().items()
            if "embedding" in key
        ]
        assert rows
        assert all(value.eq(0).all() for _, value in rows), "γ − 1 and β"


@pytest.mark.parametrize(("kind", "name"), NORMED)
def test_final_norm_of_the_generator_is_unconditional(kind: str, name: str) -> None:
    """A known defect: what makes the output from the last block sees no class, and keeps a norm as it is."""
    network = network_of(kind, name, ConditionalBatchNorm)
    assert not [module for module in network.get_submodule("output").modules() if isinstance(module, Conditioner)]
    norm = nn.BatchNorm2d(4)
    assert Sites(ConditionalBatchNorm, ModulationConfig(), CLASSES).at("head", (4,)).norm_before(norm) is norm
    assert norm.affine


@pytest.mark.parametrize("target", [ConditionalBatchNorm, Film, AdaIN])
@pytest.mark.parametrize(("kind", "name"), NORMED)
def test_the_normalisation_is_not_applied_twice(kind: str, name: str, target: type[Conditioner]) -> None:
    """Scale and shift stand once, and either batch norm or instance norm is there."""
    network = network_of(kind, name, target)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert not any(list(norm.parameters()) for norm in norms)
    maps = name != "mlp"
    assert bool(norms) == (target is not AdaIN or not maps)


@pytest.mark.parametrize(("kind", "name"), EVERY_NETWORK)
def test_film_stands_at_every_block_and_conditional_batch_norm_after_norms_alone(kind: str, name: str) -> None:
    def count(target: type[Conditioner]) -> int:
        return sum(isinstance(module, target) for module in network_of(kind, name, target).modules())

    unconditional = network_of(kind, name, Unconditioned)
    norms = sum(isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) for module in unconditional.modules())
    assert count(ConditionalBatchNorm) == norms
    assert count(Film) >= max(norms, 1)


def test_conditional_batch_norm_by_hand() -> None:
    block = Sites(ConditionalBatchNorm, ModulationConfig(), CLASSES).at("block", (1,), normalised=True)
    norm = block.norm_before(nn.BatchNorm1d(1, eps=1e-12))
    with torch.no_grad():
        block.get_parameter("embedding.weight").copy_(torch.tensor([[0.0, 0.0], [1.0, 5.0], [-1.0, 7.0]]))
    found = block(norm(torch.tensor([[1.0], [3.0], [5.0], [7.0]])), torch.tensor([0, 1, 2, 1]))
    normal = [value / 5**0.5 for value in (-3.0, -1.0, 1.0, 3.0)]
    assert found.flatten().tolist() == pytest.approx([normal[0], 2 * normal[1] + 5, 7.0, 2 * normal[3] + 5])


def test_the_gradient_of_film_by_hand() -> None:
    """y = γ x + β with γ = 1 + w: dx = γ g, dw = Σ x g, dβ = Σ g over the places of the examples of a class."""
    film = Film(ModulationConfig(deviation=1.0), (2, 3, 3), CLASSES)
    rng = torch.Generator().manual_seed(2)
    x = torch.randn(4, 2, 3, 3, generator=rng).requires_grad_(True)
    g, labels = torch.randn(4, 2, 3, 3, generator=rng), torch.tensor([0, 2, 2, 0])
    (film(x, labels) * g).sum().backward()
    weight = film.embedding.weight
    scale = 1 + weight.detach()[labels, :2]
    torch.testing.assert_close(x.grad, scale[:, :, None, None] * g)
    expected = torch.zeros(3, 4)
    for row, label in enumerate(labels):
        expected[label] += torch.cat([(x.detach()[row] * g[row]).sum((1, 2)), g[row].sum((1, 2))])
    torch.testing.assert_close(weight.grad, expected)


def test_the_statistics_of_adain_are_those_of_the_style() -> None:
    """Mean and deviation of every channel of every example are β and |γ|, whatever they were before."""
    adain = AdaIN(ModulationConfig(deviation=0.5), (4, 8, 8), CLASSES)
    x = 3 + 5 * torch.randn(3, 4, 8, 8)
    found = adain(x, torch.tensor([0, 1, 2]))
    scale, shift = adain.embedding.weight.detach().view(3, 2, 4).unbind(1)
    torch.testing.assert_close(found.mean((2, 3)), shift, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found.std((2, 3), correction=0), (1 + scale).abs(), atol=1e-5, rtol=1e-4)


def test_a_map_of_a_single_place_has_nothing_to_normalise() -> None:
    block = AdaIN(ModulationConfig(), (4, 1, 1), CLASSES).train()
    norm = nn.BatchNorm2d(4)
    assert block.norm_before(norm) is norm
    x = torch.randn(3, 4, 1, 1)
    assert torch.equal(block(x, torch.tensor([0, 1, 2])), x)


@pytest.mark.parametrize(("target", "without"), [(FilmNoise, Film), (AdaINNoise, AdaIN)])
def test_noise_and_class_add_up(target: Any, without: Any) -> None:
    """A linear map of the noise beside a class, W (z ‖ y), is one of the noise plus a row of the class."""
    both = target(ModulationConfig(deviation=1.0), (2, 3, 3), CLASSES, NOISE)
    alone = without(ModulationConfig(), (2, 3, 3), VECTOR)
    x, z, labels = torch.randn(3, 2, 3, 3), torch.randn(3, *NOISE), torch.tensor([0, 2, 1])
    code = torch.cat([z, nn.functional.one_hot(labels, 3)], 1) @ torch.cat(
        [both.of_noise.weight.T, both.embedding.weight]
    )
    torch.testing.assert_close(both(x, labels, z), alone.modulate(x, code))


def test_self_modulation_follows_the_noise_alone() -> None:
    block = FilmNoise(ModulationConfig(deviation=1.0), (4,), None, NOISE)
    x, z = torch.ones(2, 4), torch.randn(2, *NOISE)
    scale, shift = (z @ block.of_noise.weight.T).chunk(2, 1)
    torch.testing.assert_close(block(x, None, z), 1 + scale + shift)


def test_without_any_norm_conditional_batch_norm_is_refused() -> None:
    with pytest.raises(UserError, match=r"'conditional-batch-norm' .*acts after a norm, and generator 'mlp' has none"):
        assemble(
            choose(
                "gan",
                generator_norm=False,
                generator_conditioner="conditional-batch-norm",
                discriminator_conditioner="projection",
            )
        )
