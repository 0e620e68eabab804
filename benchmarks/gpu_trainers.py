"""Trainers whose steps are made by hand, eagerly or recorded, and what they move.

On a CPU a tape takes the place of a GPU's graph, so that everything here can be rehearsed without one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Registry, Selection, installed, select
from ganzoo.step.determinism import deterministic
from ganzoo.step.graph import CudaRecorder, Graphed
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.testing.small_systems.systems import with_small_systems
from ganzoo.testing.tapes import TapeRecorder, with_rates_on_the_device
from ganzoo.testing.trainers import everything
from ganzoo.training.setup import build_trainer
from ganzoo.training.start import read_starts
from ganzoo.training.trainer import Trainer

ENDLESS = 10**9  # steps: no schedule ends, and no last step comes
NO_FILES = {"mnist": "digits", "cifar10": "shapes"}  # datasets that need no files, for those that do
Said = list[str]


def choose(variant: str, device: torch.device, registry: Registry | None = None, **flags: Any) -> Selection:
    """Return the selection of a variant for an endless training, with data that needs no files."""
    usual = {"steps": ENDLESS, "device": device.type, "data_root": Path("data")}
    known = registry or installed()
    chosen = select(known, variant, {**usual, **flags})
    name = chosen.parts["dataset"].component.name
    return select(known, variant, {**usual, "dataset": NO_FILES[name], **flags}) if name in NO_FILES else chosen


def system(name: str, device: torch.device, systems: Any, **flags: Any) -> Selection:
    """Return the selection of one of the small systems of the contract."""
    about = systems[name]
    return choose(about.variant, device, with_small_systems(), **{**about.flags, **flags})


def build(selection: Selection, device: torch.device, said: Said | None = None) -> Trainer:
    """Return the trainer of a selection; ``said`` receives its warnings."""
    precision = choose_precision(selection.run.precision, device)
    data, others = assemble(selection), read_starts(selection)
    warn = said.append if said is not None else print
    trainer = build_trainer(selection, data, precision, SingleProcess(), warn, others)
    trainer.prepare()
    return trainer


def _executed(selection: Selection, execution: Literal["eager"]) -> Selection:
    return replace(selection, run=replace(selection.run, execution=execution))


def eager(selection: Selection, device: torch.device) -> Trainer:
    """Return a trainer with eager steps, and with learning rates on the device as recorded steps have them."""
    trainer = build(_executed(selection, "eager"), device)
    assert trainer.execution.name == "eager"
    return with_rates_on_the_device(trainer)


def recorded(selection: Selection, device: torch.device, said: Said | None = None) -> Trainer:
    """Return a trainer that records its steps; with ``said``, it warns and goes on eagerly where it cannot."""
    trainer = build(_executed(selection, "eager"), device)
    train_step = trainer.train_step
    recorder = CudaRecorder(device) if device.type == "cuda" else TapeRecorder(trainer)
    trainer.execution = Graphed(train_step, recorder, said.append if said is not None else None)
    return trainer


@contextmanager
def numerics(selection: Selection, device: torch.device) -> Iterator[None]:
    """In the block, compute as a training of the selection does."""
    with choose_precision(selection.run.precision, device).set(), deterministic(selection.run.deterministic):
        yield


def play(trainer: Trainer, steps: int) -> None:
    """Make some steps."""
    for _ in range(steps):
        trainer.advance()


def largest_difference(one: Trainer, other: Trainer) -> float:
    """Return the largest distance of two trainers' states, relative to the size of each tensor; 0 is equal to the bit.

    Networks, averages and optimizers count, and the sums of losses.
    """
    return max(_distances(_state(one), _state(other)), default=0.0)


def _state(trainer: Trainer) -> dict[str, Tensor]:
    sums = {f"sums of {names}": total for names, total in trainer.train_step.running_means.sums.items()}
    return {**everything(trainer), **sums}


def _distances(one: dict[str, Tensor], other: dict[str, Tensor]) -> Iterator[float]:
    if one.keys() != other.keys():
        raise AssertionError(f"only one of them has {sorted(one.keys() ^ other.keys())[:3]}")
    for name, value in one.items():
        if torch.equal(value, other[name]):
            continue
        difference = (value.double() - other[name].double()).abs().max() / value.double().abs().max().clamp(min=1e-12)
        yield float(difference) or 1e-300  # equal numbers with other bits, such as 0 and -0
