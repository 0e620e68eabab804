"""Averages of weights."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.step.ema import EMA
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import make_trainer


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


# Averages


def test_averages_follow_the_networks_and_constant_weights_stay() -> None:
    recipe = make_trainer(choose("gan")).train_step.recipe
    ema = EMA(recipe, 0.9)
    for step in range(50):
        ema.begin(step)
        ema.update()
    assert same(weights(recipe.generator), weights(ema.networks["generator"])), "constant weights do not drift"
    with torch.no_grad():
        for parameter in recipe.generator.parameters():
            parameter.add_(1.0)
    before = weights(ema.networks["generator"])
    ema.begin(1000)
    ema.update()
    for name, value in ema.networks["generator"].named_parameters():
        assert torch.allclose(value, before[name] + 0.1, atol=1e-5)


def test_averages_take_the_place_of_networks_only_for_a_while() -> None:
    recipe = make_trainer(choose("gan")).train_step.recipe.train()
    ema, live = EMA(recipe, 0.9), recipe.generator
    with ema.swapped_in() as averaged:
        assert averaged.generator is ema.networks["generator"]
        assert not any(module.training for module in averaged.modules())
    assert recipe.generator is live
    assert all(module.training for module in recipe.modules())
