"""Trainers on the processor, stepped by hand, and what a training moves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from ganzoo.catalogue import Selection
from ganzoo.catalogue.check import check
from ganzoo.health.policies import PolicyContext, RollBackFunction
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.testing.selections import choose
from ganzoo.training.setup import build_trainer
from ganzoo.training.start import read_starts
from ganzoo.training.trainer import Trainer

CPU = torch.device("cpu")


def make_trainer(selection: Selection) -> Trainer:
    """Build the trainer of a selection on the processor; there is no dry run, and no step is made."""
    precision = choose_precision(selection.run.precision, CPU)
    data, others = check(selection), read_starts(selection)
    trainer = build_trainer(selection, data, precision, SingleProcess(), print, others)
    trainer.train_step.recipe.train()
    return trainer


@contextlib.contextmanager
def trainer_of(variant: str, **flags: object) -> Iterator[Trainer]:
    """Yield a trainer in float32 that has made one step; the random state is put back afterwards."""
    usual = {"steps": None, "dataset_size": None, "device": "cpu", "precision": "fp32"}
    selection = choose(variant, None, None, **{**usual, **flags})
    with torch.random.fork_rng(devices=[]), choose_precision(selection.run.precision, CPU).set():
        trainer = make_trainer(selection)
        trainer.advance()
        yield trainer


def context_of(selection: Selection, go_back: RollBackFunction = lambda: 0) -> PolicyContext:
    """Return what anomaly policies are given in a training of a selection."""
    train_step = make_trainer(selection).train_step
    return PolicyContext(train_step.recipe, {phase.name: phase for phase in train_step.phase_optimizers}, go_back)


def everything(trainer: Trainer) -> dict[str, Tensor]:
    """Return copies of all that a training moves, by name: parameters, buffers, averages, and states of optimizers."""
    found = dict(trainer.train_step.recipe.state_dict())
    for name, network in trainer.train_step.ema.networks.items():
        found |= {f"average of {name}.{key}": value for key, value in network.state_dict().items()}
    for phase_optimizer in trainer.train_step.phase_optimizers:
        for place, parameter in enumerate(phase_optimizer.parameters):
            state = phase_optimizer.optimizer.state[parameter]
            owner = f"optimizer of {phase_optimizer.phase.name}.{place}"
            found |= {f"{owner}.{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    return {name: value.detach().clone() for name, value in found.items()}


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """Return the names whose numbers are not the same to the bit."""
    return {name for name, value in after.items() if name not in before or not torch.equal(value, before[name])}
