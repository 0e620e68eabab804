"""One training step: a phase changes its own networks and no other."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzoo.catalogue import installed
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import make_trainer

VARIANTS = installed().names("variant")


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in module.named_parameters()}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_phase_moves_its_own_networks_and_no_other(variant: str) -> None:
    trainer = make_trainer(choose(variant))
    names = [name for name, _ in trainer.train_step.recipe.named_children()]
    phase_optimizers = trainer.train_step.phase_optimizers
    for _ in range(2):  # layers behind a weight that begins as 0 get no gradient before it has moved
        trainer.advance()
    for phase_optimizer in phase_optimizers:
        trainer.step = 0  # at which every phase is due
        before = {name: weights(trainer.train_step.recipe.get_submodule(name)) for name in names}
        trainer.train_step.phase_optimizers = (phase_optimizer,)
        trainer.advance()
        for name in names:
            after = weights(trainer.train_step.recipe.get_submodule(name))
            if name in phase_optimizer.phase.trains and phase_optimizer.owns:
                assert not any(torch.equal(value, after[key]) for key, value in before[name].items() if value.any())
            elif name in phase_optimizer.phase.trains:
                assert not same(before[name], after), "a penalty of gradients moves no last bias"
            else:
                assert same(before[name], after)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_gradient_is_computed_for_what_a_phase_does_not_train(variant: str) -> None:
    trainer = make_trainer(choose(variant))
    for phase_optimizer in trainer.train_step.phase_optimizers:
        trainer.train_step.recipe.zero_grad(set_to_none=True)
        trainer.train_step.phase_optimizers = (phase_optimizer,)
        trainer.step = 0  # at which every phase is due
        trainer.advance()
        for name, parameter in trainer.train_step.recipe.named_parameters():
            trained = name.split(".")[0] in phase_optimizer.phase.trains
            assert trained or parameter.grad is None
            assert parameter.grad is not None or not (trained and phase_optimizer.owns)


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
