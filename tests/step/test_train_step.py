"""One training step: a phase changes its own networks and no other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from ganzoo.contract.recipe import Batch, PhaseOutput
from ganzoo.contract.step_context import StepContext
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.train_step import PhaseLoss
from ganzoo.testing.selections import choose, each_variant
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.trainer import Trainer
from ganzoo_losses.losses import Wasserstein


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def advance_alone(trainer: Trainer, phase_optimizer: PhaseOptimizer, losses: Mapping[str, PhaseLoss]) -> None:
    """Make a step of one phase; the phases before it are only computed, for what they hand on."""
    train_step = trainer.train_step
    all_phases, name = train_step.phase_optimizers, phase_optimizer.phase.name
    before = [losses[other.phase.name] for other in all_phases[: all_phases.index(phase_optimizer)]]

    def loss(batch: Batch, context: StepContext) -> PhaseOutput:
        for other in before:
            context.receive(other(batch, context).handed)
        return losses[name](batch, context)

    train_step.phase_optimizers, train_step.losses[name] = (phase_optimizer,), loss
    trainer.step = phase_optimizer.phase.first  # at which it is due
    trainer.advance()
    train_step.phase_optimizers, train_step.losses = all_phases, dict(losses)


def without_gradient(trainer: Trainer) -> set[str]:
    """Return the parameters that no loss depends on: a bias of all logits, where the loss is their difference."""
    differs = isinstance(getattr(trainer.train_step.recipe, "loss", None), Wasserstein)
    return {"discriminator.output.bias"} if differs else set()


def asleep(trainer: Trainer) -> set[str]:
    """Return the parameters that have no part in this step of a recipe that changes, such as one that grows."""
    recipe = trainer.train_step.recipe
    return {name for name, value in recipe.named_parameters() if recipe.borders and value.grad is None}


@pytest.mark.parametrize("variant", each_variant("recipe"))
def test_a_phase_moves_its_own_networks_and_no_other(variant: str) -> None:
    trainer = make_trainer(choose(variant))
    names = [name for name, _ in trainer.train_step.recipe.named_children()]
    losses = dict(trainer.train_step.losses)
    for _ in range(2):  # layers behind a weight that begins as 0 get no gradient before it has moved
        trainer.advance()
    for phase_optimizer in trainer.train_step.phase_optimizers:
        before = {name: weights(trainer.train_step.recipe.get_submodule(name)) for name in names}
        advance_alone(trainer, phase_optimizer, losses)
        for name in names:
            after = weights(trainer.train_step.recipe.get_submodule(name))
            if name in phase_optimizer.phase.trains and phase_optimizer.owns:
                stayed = {f"{name}.{key}" for key, value in before[name].items() if torch.equal(value, after[key])}
                zeros = {f"{name}.{key}" for key, value in before[name].items() if not value.any()}
                assert stayed <= zeros | without_gradient(trainer) | asleep(trainer)
            elif name in phase_optimizer.phase.trains:
                assert not same(before[name], after), "a penalty of gradients moves no last bias"
            else:
                assert same(before[name], after)


@pytest.mark.parametrize("variant", each_variant("recipe"))
def test_no_gradient_is_computed_for_what_a_phase_does_not_train(variant: str) -> None:
    trainer = make_trainer(choose(variant))
    losses = dict(trainer.train_step.losses)
    for phase_optimizer in trainer.train_step.phase_optimizers:
        trainer.train_step.recipe.zero_grad(set_to_none=True)
        advance_alone(trainer, phase_optimizer, losses)
        for name, parameter in trainer.train_step.recipe.named_parameters():
            trained = name.split(".")[0] in phase_optimizer.phase.trains
            assert trained or parameter.grad is None
            assert parameter.grad is not None or not (trained and phase_optimizer.owns) or name in asleep(trainer)


def test_step_counts_of_the_smallest_gan() -> None:
    trainer = make_trainer(choose("gan-minimal"))
    counts = {phase_optimizer.phase.name: 0 for phase_optimizer in trainer.train_step.phase_optimizers}
    for phase_optimizer in trainer.train_step.phase_optimizers:
        step = phase_optimizer.optimizer.step

        def counted(*args: object, name: str = phase_optimizer.phase.name, step=step) -> object:
            counts[name] += 1
            return step(*args)

        phase_optimizer.optimizer.step = counted  # type: ignore[method-assign]
    trainer.advance()
    assert counts == {"discriminator": 1, "generator": 2}
