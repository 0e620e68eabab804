"""What another number of steps means for a training that is resumed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ganzoo.contract.optimization import Progress
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.training.trainer import Trainer

LENGTH = "length"  # in the description of a checkpoint: the steps of the whole training
_LONGEST = 2**53
_COMPARED = 1000  # steps at which learning rates are compared


def length_notes(trainer: Trainer, before: Any) -> list[str]:
    """Return a line for each schedule that depends on the length of a training that was to have ``before`` steps."""
    if type(before) is not int or not trainer.step <= before < _LONGEST or before == trainer.steps or not trainer.step:
        return []  # a record of an earlier version, or a damaged one
    return list(_notes(trainer, before))


def _notes(trainer: Trainer, before: int) -> Iterator[str]:
    done = trainer.step
    for phase in trainer.train_step.phase_optimizers:
        if phase.owns and _depends_on_length(phase, done, before, trainer.steps):
            was, now = (phase.rate_at(Progress(done, steps)) for steps in (before, trainer.steps))
            yield (
                f"the {phase.name}-schedule depends on the length: the learning rate goes from {was:.3g} to {now:.3g} "
                f"here, and a run of {trainer.steps} steps from the start would have had other rates"
            )


def _depends_on_length(phase: PhaseOptimizer, done: int, before: int, now: int) -> bool:
    """Return whether a training of ``now`` steps would have had other rates until the step ``done``."""
    compared = {index * done // _COMPARED for index in range(_COMPARED)} | {done - 1, done}
    return any(phase.rate_at(Progress(step, before)) != phase.rate_at(Progress(step, now)) for step in compared)
