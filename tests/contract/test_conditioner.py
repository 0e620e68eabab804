"""Conditioners that see the noise or the features as well as the condition, and those that need a norm."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Config, Field
from ganzoo.contract.conditioner import Conditioner, Shape, Sites, Unconditioned
from ganzoo.errors import Refused, UserError
from ganzoo.testing import selections
from ganzoo.testing.small_systems.conditioners import Style
from ganzoo.testing.small_systems.systems import with_small_systems
from ganzoo.testing.trainers import make_trainer

CLASSES = Field("class", classes=3)
choose = partial(
    selections.choose, registry=with_small_systems(), dataset_size=16, steps=2, device="cpu", precision="fp32"
)


class Shifted(Conditioner):
    """A conditioner of the condition alone, as third parties have written it."""

    sites = frozenset({"block"})

    def __init__(self, config: Config, shape: Shape, condition: Field):
        super().__init__()
        self.out_shape = shape

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        assert condition is not None
        return x + condition[:, None]


@pytest.mark.parametrize("target", [Shifted, Unconditioned])
def test_a_conditioner_that_knows_no_noise_is_never_given_any(target: type[Conditioner]) -> None:
    x, classes = torch.zeros(2, 4), torch.tensor([0, 2])
    conditioner = Sites(target, Config(), CLASSES).at("block", (4,), noise=(5,))
    assert torch.equal(conditioner(x, classes, torch.ones(2, 5)), conditioner(x, classes))


@pytest.mark.parametrize("condition", [None, CLASSES], ids=["noise alone", "noise and class"])
def test_the_result_follows_the_noise_and_the_condition(condition: Field | None) -> None:
    style = Sites(Style, Config(), condition).at("block", (4,), noise=(5,))
    x, z = torch.zeros(2, 4), torch.randn(2, 5)
    classes = [None, None] if condition is None else [torch.tensor([0, 0]), torch.tensor([0, 2])]
    first = style(x, classes[0], z)
    assert not torch.equal(first, style(x, classes[0], z + 1))
    same = (first == style(x, classes[1], z)).all(dim=1).tolist()
    assert same == [True, condition is None]


def test_it_acts_at_its_own_sites_only() -> None:
    assert isinstance(Sites(Style, Config(), CLASSES).at("input", (4,), noise=(5,)), Unconditioned)


def test_a_site_without_noise_is_refused() -> None:
    with pytest.raises(TypeError, match="passes none at its site 'block'; a discriminator has none: choose another"):
        Sites(Style, Config(), CLASSES).at("block", (4,))


def test_noise_that_was_announced_must_come() -> None:
    style = Sites(Style, Config(), CLASSES).at("block", (4,), noise=(5,))
    with pytest.raises(TypeError, match="which the network announced for this site and does not pass"):
        style(torch.zeros(2, 4), torch.tensor([0, 2]))


class Product(Conditioner):
    """A conditioner that sees the features of a logit, as third parties may write it."""

    sites = frozenset({"logit"})
    uses_features = True

    def __init__(self, config: Config, shape: Shape, condition: Field, features: Shape):
        super().__init__()
        self.out_shape, self.features = shape, features

    def forward(self, x: Tensor, condition: Tensor | None, features: Tensor | None = None) -> Tensor:
        assert condition is not None
        assert features is not None
        return x + (condition[:, None] * features).sum(1, keepdim=True)


class AfterNorm(Shifted):
    """A conditioner that acts where the network has just normalised."""

    needs_norm = True


def test_the_features_reach_a_conditioner_that_uses_them() -> None:
    product = Sites(Product, Config(), CLASSES).at("logit", (1,), features=(2,))
    assert product.features == (2,)
    found = product(torch.zeros(2, 1), torch.tensor([1, 2]), features=torch.tensor([[3.0, 4.0], [5.0, 6.0]]))
    assert found.tolist() == [[7.0], [22.0]]


def test_a_logit_without_features_is_refused() -> None:
    with pytest.raises(TypeError, match="it uses the features, and the network passes none at its site 'logit'"):
        Sites(Product, Config(), CLASSES).at("logit", (1,))


def test_features_that_were_announced_must_come() -> None:
    product = Sites(Product, Config(), CLASSES).at("logit", (1,), features=(2,))
    with pytest.raises(TypeError, match="it uses the features, which the network announced for this site"):
        product(torch.zeros(2, 1), torch.tensor([1, 2]))


def test_a_conditioner_that_needs_a_norm_acts_after_norms_alone() -> None:
    sites = Sites(AfterNorm, Config(), CLASSES)
    assert isinstance(sites.at("block", (4,), normalised=True), AfterNorm)
    assert isinstance(sites.at("block", (4,)), Unconditioned)


def test_a_discriminator_is_refused_before_torch_is_needed() -> None:
    with pytest.raises(Refused, match=r"needs the noise at its sites, which discriminator 'mlp' does not offer"):
        assemble(choose("gan", discriminator_conditioner="style"))


def test_a_discriminator_is_refused_even_if_nothing_is_declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shifted, "uses_noise", True)
    monkeypatch.setattr("ganzoo_cgan.conditioners.Concat", Shifted)
    with pytest.raises(UserError, match=r"conditioner 'concat' \(slot discriminator-conditioner\) .* uses the noise"):
        assemble(choose("cgan", generator_conditioner="class-style"))


@pytest.mark.parametrize("generator", ["mlp", "dcgan", "upsampling"])
def test_the_generators_of_this_package_pass_their_noise_to_every_block(generator: str) -> None:
    flags: dict[str, Any] = {"generator_conditioner": "style", "generator": generator}
    trainer = make_trainer(choose("gan", **flags))
    network = trainer.train_step.recipe.get_submodule("generator")
    styles = [module for module in network.modules() if isinstance(module, Style)]
    seen: list[Tensor] = []
    for style in styles:
        style.style.register_forward_hook(lambda module, arguments, output: seen.append(arguments[0]))
    z = torch.randn(4, 100)
    with torch.no_grad():
        network(z, None)
    assert len(styles) >= 2
    assert len(seen) == len(styles)
    assert all(torch.equal(noise, z) for noise in seen)


def test_noise_that_cannot_be_split_is_told() -> None:
    with pytest.raises(UserError, match=r"generator 'chunked' of .* noise of size 100 has no 3 equal chunks"):
        assemble(choose("gan", generator="chunked"))
