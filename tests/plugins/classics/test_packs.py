"""Packs: discriminators that score several examples together, and the gradients of their logits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.registry import installed
from ganzoo.contract.networks import ConditionedDiscriminator, Discriminator

NETWORKS = ("mlp", "dcgan", "maxout", "halving")


def discriminator(name: str, pack: int, conditioner: str = "none", **more: Any) -> Discriminator:
    flags = {"discriminator": name, "discriminator_pack": pack, "conditioner": conditioner, **more}
    selection = select(installed(), "gan", flags)
    torch.manual_seed(0)
    recipe: Any = build_recipe(selection, check(selection))
    network: Discriminator = recipe.discriminator
    return network.eval()


def images(count: int) -> Tensor:
    return torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("name", NETWORKS)
def test_packs_share_a_logit_and_look_at_nothing_else(name: str) -> None:
    network, x = discriminator(name, 2), images(6)
    logit = network(x, None).logit
    assert network.pack == 2
    assert logit.shape == (6, 1) and network(x, None).features.shape == (6, network.feature_width)
    assert torch.equal(logit[::2], logit[1::2])
    other = x.clone()
    other[3] = 0
    changed = (network(other, None).logit != logit).flatten()
    assert changed.tolist() == [False, False, True, True, False, False]


@pytest.mark.parametrize("name", NETWORKS)
def test_packs_of_one_are_examples(name: str) -> None:
    network, x = discriminator(name, 1), images(4)
    assert network.pack == 1
    torch.testing.assert_close(network(x, None).logit[:2], network(x[:2], None).logit)


@pytest.mark.parametrize("name", NETWORKS)
def test_conditions_of_a_pack_all_enter_at_the_input(name: str) -> None:
    network, x, labels = discriminator(name, 2, "concat"), images(4), torch.tensor([1, 2, 3, 4])
    logit = network(x, labels).logit
    changed = (network(x, torch.tensor([1, 7, 3, 4])).logit != logit).flatten()
    assert changed.tolist() == [True, True, False, False]


def test_the_gradient_of_a_pack_is_that_of_its_logit() -> None:
    """Summed as they stand, the logits of a pack would count once for each of its examples."""
    network, x = discriminator("mlp", 2), images(4)
    rows = ConditionedDiscriminator(network, None).gradient(x)
    points = x.clone().requires_grad_(True)
    (by_hand,) = torch.autograd.grad(network(points, None).logit[::2].sum(), points)
    packs = by_hand.reshape(2, -1)
    torch.testing.assert_close(rows, packs.repeat_interleave(2, 0))
