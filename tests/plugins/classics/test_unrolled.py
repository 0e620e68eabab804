"""The unrolled recipe: its gradient against finite differences, and its updates against those of the optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.errors import Refused
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import trainer_of

TINY: Mapping[str, Any] = {
    "dataset": "ring",
    "batch_size": 6,
    "latent_size": 2,
    "generator_widths": (3,),
    "generator_activation": "tanh",
    "generator_norm": False,
    "discriminator_widths": (4,),
    "discriminator_activation": "tanh",
    "recipe_lr": 1e-2,
    "discriminator_optimizer_lr": 1e-2,
}


def given() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(6, 2, dtype=torch.float64, generator=generator) for _ in range(2))  # type: ignore[return-value]


@pytest.mark.parametrize("updates", [0, 1, 3])
def test_unrolled_gradients_are_those_of_finite_differences(updates: int) -> None:
    """A port that copies the discriminator has no gradient through its updates."""
    with trainer_of("unrolled", **TINY, recipe_unrolled=updates) as trainer:
        recipe: Any = trainer.train_step.recipe.double()
        real, fakes = given()

        def value(points: Tensor) -> Tensor:
            return recipe.loss_of(recipe.foreseen(real, points), real, points)

        fakes.requires_grad_(True)
        (gradient,) = torch.autograd.grad(value(fakes), fakes)
        for place in [(0, 0), (2, 1), (5, 0)]:
            step = torch.zeros_like(fakes)
            step[place] = 1e-6
            slope = (value(fakes.detach() + step) - value(fakes.detach() - step)) / 2e-6
            assert gradient[place].item() == pytest.approx(slope.item(), rel=1e-5, abs=1e-9)


def test_unrolled_ports_that_copy_the_discriminator() -> None:
    """With the weights as constants the gradient is another one: what is foreseen depends on the fakes."""
    with trainer_of("unrolled", **TINY, recipe_unrolled=3) as trainer:
        recipe: Any = trainer.train_step.recipe.double()
        real, fakes = given()
        fakes.requires_grad_(True)
        weights = recipe.foreseen(real, fakes)
        (through,) = torch.autograd.grad(recipe.loss_of(weights, real, fakes), fakes, retain_graph=True)
        copied = {name: weight.detach() for name, weight in weights.items()}
        (of_copy,) = torch.autograd.grad(recipe.loss_of(copied, real, fakes), fakes)
        assert (through - of_copy).abs().max() > 0.01 * through.abs().max()


def test_a_foreseen_update_is_the_one_that_adam_makes() -> None:
    """In the second step and the third, with its moments; the discriminator makes one, on the same fakes."""
    with trainer_of("unrolled", **TINY, recipe_unrolled=1, steps=4, execution="eager") as trainer:
        recipe: Any = trainer.train_step.recipe
        foreseen: dict[str, Tensor] = {}
        foresee = recipe.foreseen

        def noted(real: Tensor, fakes: Tensor) -> Mapping[str, Tensor]:
            weights = foresee(real, fakes)
            foreseen.update({name: weight.detach() for name, weight in weights.items()})
            return weights

        recipe.foreseen = noted
        for _ in range(2):
            trainer.advance()
            for name, weight in recipe.discriminator.named_parameters():
                torch.testing.assert_close(foreseen[name], weight.detach(), rtol=1e-4, atol=1e-6)


def test_the_batch_is_not_divided() -> None:
    with pytest.raises(Refused, match="compares all examples of a batch"):
        assemble(choose("unrolled", accumulate=2))
