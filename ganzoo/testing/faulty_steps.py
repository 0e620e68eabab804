"""Faults that a test puts into the steps of a trainer."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ganzoo.contract.recipe import Batch, PhaseOutput
from ganzoo.contract.step_context import StepContext
from ganzoo.step.train_step import PhaseLoss
from ganzoo.training.trainer import Trainer


def spoil(trainer: Trainer, steps: Collection[int]) -> None:
    """Multiply all losses by a number in the memory of the device, which is NaN in ``steps`` (from 0)."""
    factor, begin = torch.ones((), device=trainer.device), trainer.train_step.begin

    def spoiling(due: Any, step: int) -> None:
        factor.fill_(torch.nan if step in steps else 1.0)
        begin(due, step)

    trainer.train_step.begin = spoiling  # type: ignore[method-assign]
    losses = trainer.train_step.losses
    for name, loss in losses.items():
        losses[name] = partial(_spoilt, loss, factor)


def _spoilt(loss: PhaseLoss, factor: Tensor, batch: Batch, context: StepContext) -> PhaseOutput:
    output = loss(batch, context)
    return replace(output, terms={name: term * factor for name, term in output.terms.items()})


def wait_for_a_value(trainer: Trainer, phase: str) -> None:
    """Let the host wait for the loss of a phase, in every step."""
    loss = trainer.train_step.losses[phase]

    def waiting(batch: Batch, context: StepContext) -> PhaseOutput:
        output = loss(batch, context)
        output.total().item()
        return output

    trainer.train_step.losses[phase] = waiting
