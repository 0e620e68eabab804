"""Updates that are not finite: left out, with weights, optimizers and statistics as they were."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.catalogue import installed
from ganzoo.contract.recipe import Generated, PhaseOutput
from ganzoo.contract.working_state import scheduled
from ganzoo.health.anomaly import Anomaly
from ganzoo.step.graph import WARM_UP
from ganzoo.testing import selections
from ganzoo.testing.selections import diagonal
from ganzoo.testing.tapes import recordable, recorded
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.checkpoints import roll_back, write_checkpoint
from ganzoo.training.trainer import Trainer

CPU = torch.device("cpu")
VARIANTS = installed().names("variant")
BAD = [math.nan, math.inf, -math.inf]
Poison = Callable[[float], None]
choose = partial(selections.choose, steps=8, dataset_size=16, precision="fp32")


def poisoned_terms(trainer: Trainer, phase: str) -> Poison:
    """Multiply the terms of a phase by a number in memory, and return what sets it."""
    factor, plain = torch.ones(()), trainer.train_step.losses[phase]

    def loss(*given: Any) -> PhaseOutput:
        outcome = plain(*given)
        return replace(outcome, terms={name: term * factor for name, term in outcome.terms.items()})

    trainer.train_step.losses[phase] = loss
    return lambda number: factor.fill_(number) and None  # type: ignore[func-returns-value]


def poisoned_gradient(trainer: Trainer, phase: str) -> Poison:
    """Add a number in memory to one gradient of a phase, and return what sets it: the terms stay as they are."""
    shift = torch.zeros(())
    phase_optimizer = next(
        phase_optimizer
        for phase_optimizer in trainer.train_step.phase_optimizers
        if phase_optimizer.phase.name == phase
    )
    signs = torch.where(torch.arange(phase_optimizer.parameters[-1].numel()) % 2 == 0, 1.0, -1.0)
    # Numbers of both signs: in a mere sum they would cancel.
    phase_optimizer.parameters[-1].register_hook(lambda gradient: gradient + shift * signs.view_as(gradient))
    return lambda number: shift.fill_(0 if number == 1 else number) and None  # type: ignore[func-returns-value]


PHASES = ("discriminator", "generator")
POISONS = {"loss": poisoned_terms, "gradient": poisoned_gradient}
PLACES = [f"{phase} {where}" for phase in PHASES for where in POISONS]
CASES = [
    pytest.param(
        *(variant, *place.split(), math.nan),
        marks=[] if (variant, place) in diagonal(VARIANTS, PLACES) else [pytest.mark.long],
    )
    for variant in VARIANTS
    for place in PLACES
]
CASES += [pytest.param("gan", "generator", where, number) for where in POISONS for number in BAD]
CASES += [  # an optimizer's mean of its squares would be infinite for ever
    pytest.param("gan", "generator", "gradient", 1e25)
]


@pytest.mark.parametrize(("variant", "phase", "where", "number"), CASES)
def test_an_update_that_is_not_finite_changes_nothing(
    variant: str, phase: str, where: str, number: float, record: Callable[..., None]
) -> None:
    trainer = make_trainer(choose(variant))
    poison = POISONS[where](trainer, phase)
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies() == []
    before = everything(trainer)
    running_means = {found: total.clone() for found, total in trainer.train_step.running_means.sums.items()}
    poison(number)
    trainer.advance()
    (anomaly,) = {anomaly.phase: anomaly for anomaly in trainer.train_step.anomaly_check.anomalies()}.values()
    assert (anomaly.kind, anomaly.phase, anomaly.step) == ("not finite", phase, 2)
    what = f"term 'adversarial' of phase '{phase}' is" if where == "loss" else f"the gradient of {phase}."
    assert anomaly.what.startswith(what)
    after = moved(before, everything(trainer))
    assert {name for name in after if name.startswith((f"{phase}.", f"optimizer of {phase}."))} <= statistics(trainer)
    assert any(name.startswith("optimizer of") for name in after), "the other phase has moved"
    mine = [found for found in running_means if found.phase == phase]
    assert all(torch.equal(running_means[found], trainer.train_step.running_means.sums[found]) for found in mine)
    assert all(value.isfinite().all() for value in everything(trainer).values() if value.is_floating_point())
    poison(1)
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies() == []
    record(promise="an update that is not finite is left out", injected=1, noticed=1, weights_changed=0)


def statistics(trainer: Trainer) -> set[str]:
    """Running statistics, which follow the batches of the other phase too."""
    return {name for name, _ in trainer.train_step.recipe.named_buffers()}


@pytest.mark.parametrize("variant", VARIANTS)
def test_statistics_of_a_pass_that_is_left_out_are_too(variant: str) -> None:
    """Where every phase is left out, not even the running statistics of batch norm have moved."""
    trainer = make_trainer(choose(variant))
    phases = [phase_optimizer.phase.name for phase_optimizer in trainer.train_step.phase_optimizers]
    poisons = [poisoned_terms(trainer, phase) for phase in phases]
    trainer.advance()
    due = [phase_optimizer.phase for phase_optimizer in trainer.train_step.phase_optimizers if phase_optimizer.due(1)]
    before = everything(trainer)
    for poison in poisons:
        poison(math.nan)
    trainer.advance()
    after = moved(before, everything(trainer)) - set_by_schedules(trainer)
    assert {name for name in after if not name.startswith("average")} == set()
    assert len(trainer.train_step.anomaly_check.anomalies()) == sum(phase.updates for phase in due)


def set_by_schedules(trainer: Trainer) -> set[str]:
    """Numbers that follow the number of the step, whatever becomes of its updates."""
    names = {part: name for name, part in trainer.train_step.recipe.named_modules()}
    parts = scheduled(trainer.train_step.recipe)
    return {f"{names[part]}.{name}" for part in parts for name, _ in part.named_buffers(recurse=False)}


def test_weights_that_are_not_finite_are_noticed_in_the_next_step() -> None:
    trainer = make_trainer(choose("gan"))
    trainer.advance()
    with torch.no_grad():
        next(iter(trainer.train_step.recipe.get_submodule("generator").parameters()))[0] = math.nan
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies()[0].step == 2


@pytest.mark.parametrize(("variant", "where"), [*((name, "gradient") for name in VARIANTS), ("gan", "loss")])
def test_a_replayed_step_leaves_out_what_an_eager_one_does(variant: str, where: str) -> None:
    """To the bit; and it is heard of one step later, without being waited for."""
    selection = choose(variant, **recordable(variant))
    eager, (replayed, recorder) = make_trainer(selection), recorded(selection)
    for phase_optimizer in eager.train_step.phase_optimizers:
        phase_optimizer.make_recordable(CPU)
    eager.train_step.ema.make_recordable(CPU)
    poisons = [POISONS[where](trainer, "generator") for trainer in (eager, replayed)]
    heard: list[Anomaly] = []
    for step in range(WARM_UP + 5):
        for trainer, poison in zip((eager, replayed), poisons, strict=True):
            poison(math.inf if step == WARM_UP + 2 else 1)
            trainer.advance()
        found = replayed.train_step.anomaly_check.anomalies()
        assert not found or step == WARM_UP + 3
        heard += found
    assert len(recorder.tapes) == 1
    assert moved(everything(eager), everything(replayed)) == set()
    assert heard == eager.train_step.anomaly_check.anomalies()
    assert {(anomaly.phase, anomaly.step) for anomaly in heard} == {("generator", WARM_UP + 3)}


@pytest.mark.parametrize("kind", ["eager", "replayed"])
def test_examples_that_are_not_finite_are_not_called_alike(kind: str) -> None:
    """While terms and gradients are finite, updates are made, however steps are carried out."""
    trainer = make_trainer(choose("gan")) if kind == "eager" else recorded(choose("gan"))[0]
    factor, plain = torch.ones(()), trainer.train_step.losses["generator"]

    def loss(*given: Any) -> PhaseOutput:
        outcome = plain(*given)
        assert outcome.generated is not None
        return PhaseOutput(outcome.terms, outcome.values, Generated(outcome.generated.values * factor))

    trainer.train_step.losses["generator"] = loss
    for _ in range(WARM_UP + 2):
        trainer.advance()
    before = everything(trainer)
    factor.fill_(math.nan)
    trainer.advance()
    assert trainer.train_step.anomaly_check.anomalies(wait=True) == []
    names = {
        name for name, _ in trainer.train_step.recipe.get_submodule("generator").named_parameters(prefix="generator")
    }
    assert names <= moved(before, everything(trainer))


def test_a_replayed_training_goes_back_as_an_eager_one_does(tmp_path: Path) -> None:
    """A recording works on memory that going back replaces, so there must be a new one."""
    begun, selection = WARM_UP + 2, choose("gan-minimal", steps=50)
    eager, (replayed, recorder) = make_trainer(selection), recorded(selection)
    for phase_optimizer in eager.train_step.phase_optimizers:
        phase_optimizer.make_recordable(CPU)
    eager.train_step.ema.make_recordable(CPU)
    for trainer in (eager, replayed):
        folder = tmp_path / trainer.execution.name
        for step in range(2 * begun):
            if step == begun:
                write_checkpoint(folder, trainer, selection)
            trainer.advance()
        assert roll_back(folder, trainer, begun) == begun
        for _ in range(begun):
            trainer.advance()
    assert moved(everything(eager), everything(replayed)) == set()
    assert len(recorder.tapes) == 2


def test_a_return_to_a_checkpoint_forgets_what_a_replayed_step_has_not_told_yet(tmp_path: Path) -> None:
    selection = choose("gan", on_non_finite="roll-back", checkpoint_every=2)
    trainer, _ = recorded(selection)
    trainer.advance()
    trainer.advance()
    write_checkpoint(tmp_path, trainer, selection)
    for _ in range(4):
        trainer.advance()
    loss = trainer.train_step.anomaly_check._last  # what a faulty step leaves in the memory of the device
    for measured in loss.values():
        measured.numbers.fill_(math.nan)
    trainer.train_step.anomaly_check.after_replay([phase.name for phase in trainer.train_step.phase_optimizers], 5)
    roll_back(tmp_path, trainer, 2)
    assert trainer.train_step.anomaly_check.anomalies(wait=True) == []
