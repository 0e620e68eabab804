"""Defects of trainings that are known from published code; each test fails for code that has the defect."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.parts import build_recipe, resolve
from ganzoo.catalogue import Field, installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.head import HeadInput
from ganzoo.contract.networks import batchwise
from ganzoo.testing.trainers import trainer_of

REGISTRY = installed()


def test_stale_noise() -> None:
    """The generator's update has new noise, and no fakes, nor scores of them, from the discriminator's update."""
    with trainer_of("wgan", batch_size=8, recipe_discriminator_updates=2, execution="eager") as trainer:
        recipe: Any = trainer.train_step.recipe
        drawn: list[Tensor] = []
        recipe.generator.register_forward_pre_hook(lambda _, given: drawn.append(given[0].clone()))
        trainer.advance()
        assert len(drawn) == 3
        assert len({tuple(z.flatten().tolist()) for z in drawn}) == 3


def test_softmax_twice() -> None:
    """The gradient of the class vanishes for a right answer of which it is sure; of σ(softmax) it would not."""
    component = REGISTRY.component("head", "classifier")
    head = resolve(component)(component.config(), 3, Field("class", classes=3), None)
    (linear,) = (module for module in head.modules() if isinstance(module, torch.nn.Linear))
    with torch.no_grad():
        linear.weight.copy_(torch.eye(3))
        linear.bias.zero_()
    sure = torch.tensor([[50.0, 0.0, 0.0]], requires_grad=True)
    (term,) = head.generator(HeadInput(sure, torch.tensor([0]))).values()
    (gradient,) = torch.autograd.grad(term.sum(), sure)
    assert gradient.abs().max() < 1e-6
    assert term.item() < 1e-6, "log 3 − 1 at least, if a softmax stood before"


@pytest.mark.parametrize("modes", [8, 3])
def test_seven_modes_for_eight(modes: int) -> None:
    """linspace(0, 2π, 8) has both ends, so that one of eight Gaussians stands twice and one is missing."""
    config: Any = REGISTRY.component("dataset", "ring").config(modes=modes)
    centres = torch.tensor(config.centres)
    distances = torch.cdist(centres, centres) + 10 * torch.eye(modes)
    assert distances.min() == pytest.approx(2 * config.radius * math.sin(math.pi / modes), rel=1e-5)


def test_wgan_clips_before_the_generator_moves() -> None:
    """Weights are clipped after each update of the critic, the last one before the generator's too."""
    with trainer_of("wgan", batch_size=8, penalty_limit=0.01, execution="eager") as trainer:
        recipe: Any = trainer.train_step.recipe
        largest: list[float] = []
        generate = recipe.generate

        def looked_at(*given: Any) -> Any:
            largest.append(max(float(weight.detach().abs().max()) for weight in recipe.discriminator.parameters()))
            return generate(*given)

        trainer.train_step.losses["generator"] = looked_at
        trainer.advance()
        assert largest == [pytest.approx(0.01)]


def test_wgan_with_a_probability_or_a_cross_entropy_left_in() -> None:
    """A critic's score has no bounds, and the loss is the plain difference of means."""
    selection = select(REGISTRY, "wgan", {}, "published")
    assert selection.parts["loss"].component.name == "wasserstein"
    with trainer_of("wgan", batch_size=8) as trainer:
        recipe: Any = trainer.train_step.recipe
        score = torch.tensor([[37.0], [-12.0]])
        assert torch.equal(recipe.loss.score(score), score)
        assert recipe.loss.discriminator(score, score + 1).tolist() == [[1.0], [1.0]]


def test_dragan_whose_loss_is_never_back_propagated() -> None:
    """The update of the discriminator has the loss and the penalty, not the penalty alone."""
    with trainer_of("dragan", batch_size=8, execution="eager") as trainer:
        recipe: Any = trainer.train_step.recipe
        outputs: list[Any] = []
        discriminate = recipe.discriminate

        def kept(*given: Any) -> Any:
            outputs.append(discriminate(*given))
            return outputs[-1]

        trainer.train_step.losses["discriminator"] = kept
        trainer.advance()
        (output,) = outputs
        assert output.terms.keys() == {"adversarial", "dragan"}
        assert all(term.requires_grad for term in output.terms.values())


@pytest.mark.parametrize("variant", ["wgan-gp", "dragan", "fgan"])
def test_batch_norm_in_a_penalised_critic(variant: str) -> None:
    """The gradient of one example is not defined where the others of its batch count."""
    selection = select(REGISTRY, variant)

    recipe: Any = build_recipe(selection, check(selection))
    assert not batchwise(recipe.discriminator)


def test_batch_norm_with_momentum_as_epsilon() -> None:
    """BatchNorm1d(units, 0.8) sets ε, and has the usual momentum."""
    for name in REGISTRY.names("variant"):
        config = select(REGISTRY, name).parts.get("generator")
        assert config is None or getattr(config.config, "norm_eps", 1e-5) < 0.01, name


def test_the_decay_of_the_first_cgan_is_for_each_update() -> None:
    """Divided by 1.00004 in every update, the rate is at its floor after 288,000 of them; in every epoch, never."""
    selection = select(REGISTRY, "cgan-original", {}, "published")
    schedule: Any = selection.parts["generator-schedule"].config
    updates = -math.log(schedule.floor) / math.log(schedule.divisor)
    assert 287_000 < updates < 289_000 < (selection.run.steps or 0)
