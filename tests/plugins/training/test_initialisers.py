"""Initialisers: the weights and biases of the papers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import Field, installed
from ganzoo.catalogue.options import make
from ganzoo.contract.networks import Initialiser

REGISTRY = installed()


def made(kind: str, name: str, **options: Any) -> Any:
    component = REGISTRY.component(kind, name)
    return resolve(component)(make(component.config, options, name))


# Initialisers

INITIALISERS = REGISTRY.names("initialiser")


def every_layer() -> nn.Sequential:
    """One layer of every sort that a network of this library has, each with enough numbers to count."""
    return nn.Sequential(
        nn.Linear(300, 400),
        nn.Conv2d(40, 60, 5),
        nn.ConvTranspose2d(40, 60, 4, bias=False),
        nn.BatchNorm2d(20_000),
        nn.BatchNorm1d(20_000),
        nn.BatchNorm2d(4, affine=False),
        nn.Embedding(100, 300),
    )


def initialised(name: str, seed: int = 0, **options: Any) -> nn.Sequential:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        network = every_layer()
        torch.manual_seed(seed)
        initialiser: Initialiser = made("initialiser", name, **options)
        initialiser(network)
    return network


def moments(tensor: Tensor) -> tuple[float, float]:
    return tensor.double().mean().item(), tensor.double().std().item()


@pytest.mark.parametrize("name", INITIALISERS)
class TestEveryInitialiser:
    def test_it_draws_from_torchs_generator_alone(self, name: str) -> None:
        one, two = initialised(name), initialised(name)
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))

    def test_everything_stays_finite_and_trainable(self, name: str) -> None:
        for parameter in initialised(name).parameters():
            assert parameter.isfinite().all()
            assert parameter.requires_grad
            assert parameter.grad_fn is None

    @pytest.mark.parametrize("conditioner", [n for n in REGISTRY.names("conditioner") if n != "none"])
    @pytest.mark.parametrize("kind", ["class", "vector", "tokens"])
    def test_embeddings_of_conditions_keep_what_their_conditioner_gave_them(
        self, name: str, conditioner: str, kind: str
    ) -> None:
        """Otherwise `multiply` would begin by multiplying the noise with 0.02."""
        field = {
            "class": Field("class", classes=5),
            "vector": Field("vector", (4,)),
            "tokens": Field("tokens", (6,), names=("<pad>", "a", "b")),
        }[kind]
        component = REGISTRY.component("conditioner", conditioner)
        if not {"condition", f"condition:{kind}"} & {c for need in component.requires for c in need.any_of}:
            pytest.skip(f"{conditioner} takes no {kind}")
        site = resolve(component)(component.config(), (3, 8, 8), field)
        embeddings = {k: v.clone() for k, v in site.state_dict().items() if k.split(".")[0] == "embedding"}
        made("initialiser", name)(nn.Sequential(nn.Linear(4, 4), site))
        spreads = {
            parameter: (before.std(), site.state_dict()[parameter].std()) for parameter, before in embeddings.items()
        }
        changed = [
            parameter for parameter, before in embeddings.items() if (before != site.state_dict()[parameter]).any()
        ]
        assert not changed, "; ".join("{}: std was {:.3g}, is {:.3g}".format(name, *spreads[name]) for name in changed)


def test_default_weights_are_torchs_own() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        untouched = every_layer()
    assert all(
        torch.equal(a, b) for a, b in zip(initialised("default").parameters(), untouched.parameters(), strict=True)
    )


@pytest.mark.parametrize("deviation", [0.02, 0.5])
def test_normal_weights(deviation: float) -> None:
    linear, conv, transposed, *norms, bare, _ = initialised("normal", deviation=deviation)
    for layer in (linear, conv, transposed):
        assert moments(layer.weight) == (pytest.approx(0, abs=0.02 * deviation), pytest.approx(deviation, rel=0.02))
        assert layer.bias is None or (layer.bias == 0).all()
    for norm in norms:
        assert moments(norm.weight) == (pytest.approx(1, abs=0.02 * deviation), pytest.approx(deviation, rel=0.02))
        assert (norm.bias == 0).all()
    assert bare.weight is None


def test_normal_weights_have_the_deviation_of_the_paper() -> None:
    assert moments(initialised("normal")[0].weight)[1] == pytest.approx(0.02, rel=0.02)


@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_xavier_weights(bias: float) -> None:
    linear, conv, transposed, *norms, _, _ = initialised("xavier", bias=bias)
    fans = {linear: 300 + 400, conv: (40 + 60) * 25, transposed: (40 + 60) * 16}
    for layer, fan in fans.items():
        expected = math.sqrt(2 / fan)
        assert moments(layer.weight) == (pytest.approx(0, abs=0.02 * expected), pytest.approx(expected, rel=0.02))
        assert layer.bias is None or torch.equal(layer.bias, torch.full_like(layer.bias, bias))
    for norm in norms:
        assert (norm.weight == 1).all() and (norm.bias == 0).all()


def parameter(*values: float) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize(("name", "option"), [("uniform", {"limit": 0.3}), ("orthogonal", {"gain": 1.4})])
def test_uniform_and_orthogonal_weights(name: str, option: dict[str, float]) -> None:
    component = REGISTRY.component("initialiser", name)
    network = nn.Sequential(nn.Linear(40, 20), nn.ReLU(), nn.Conv2d(2, 3, 2))
    resolve(component)(component.config(**option))(network)
    layers = [network[0], network[2]]
    assert all(not layer.bias.any() for layer in layers)
    if name == "uniform":
        weights = layers[0].weight
        assert weights.abs().max() <= 0.3
        assert weights.std().item() == pytest.approx(0.3 / 3**0.5, rel=0.1)
    else:
        for layer in layers:
            rows = layer.weight.flatten(1)
            torch.testing.assert_close(rows @ rows.T, 1.4**2 * torch.eye(len(rows)), rtol=1e-4, atol=1e-5)
