"""What processes that train together exchange: the messages of each phase, counted in a step that needs no data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ganzoo.assembly.dry_run import trial_batch
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.assembly.phases import windows
from ganzoo.assembly.trainable import trained_parameters
from ganzoo.batches.batches import Batches, Feed
from ganzoo.batches.order import BatchOrder
from ganzoo.catalogue.check import check
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.optimization import Progress, Schedule
from ganzoo.contract.recipe import Batch, Phase, PhaseOutput, Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.health.anomaly import AnomalyCheck
from ganzoo.health.collapse import CollapseDetector
from ganzoo.randomness import KeyedStreams, Share, seeded
from ganzoo.step.buckets import Wait
from ganzoo.step.ema import EMA
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.precision import Precision
from ganzoo.step.processes import ExchangingProcesses
from ganzoo.step.train_step import PhaseLoss, TrainStep


@dataclass(frozen=True)
class Exchange:
    """What a step of one phase exchanges: the bytes of each message, of all updates of the phase in the step.

    The phase is due every ``every`` steps. Each process has a message of that size, and they are summed, whatever the
    number of processes and the batch.
    """

    every: int
    messages: tuple[int, ...] = ()

    @property
    def calls(self) -> int:
        """How many messages there are."""
        return len(self.messages)

    @property
    def bytes(self) -> int:
        """The bytes of all messages together."""
        return sum(self.messages)


def exchange_of(selection: Selection) -> dict[str, Exchange]:
    """Return what each phase exchanges in a step; of several windows of the training, in the one with most bytes.

    Makes a step of each window on the meta device, so that nothing is computed, and no data is needed. Not counted are
    the flag of a signal, 8 bytes that travel during a step, and the statistics of ``--sync-bn``. Raises
    :class:`~ganzoo.errors.Refused` where the parts do not fit together.
    """
    data, parts = check(selection), SelectedParts(selection.parts)
    recipe = build_recipe(selection, data, "meta", parts).train()
    optimizers, processes = (
        [_optimizer(recipe, phase) for phase in recipe.phases()],
        CountedProcesses(selection.run.overlap),
    )
    batch = trial_batch(recipe.data, selection.run.batch_size, "meta")
    batches = {slot: _TrialBatches(fields, selection.run.batch_size) for slot, fields in batch.items()}
    feeds = [dict.fromkeys(batches, Feed())] * max(optimizer.updates for optimizer in optimizers)
    most = {optimizer.name: Exchange(optimizer.every) for optimizer in optimizers}
    for window in windows(recipe.phases(), recipe.borders):
        due = [optimizer for optimizer in optimizers if optimizer.phase.in_window(window.step)]
        train_step = _step(selection, recipe, optimizers, batches, processes, window.step + 1)
        processes.messages = {optimizer.name: [] for optimizer in due}
        with seeded(0):
            train_step.begin(due, window.step)
            train_step(due, feeds, window.step, on_device=True)
        for name, messages in processes.messages.items():
            sent = Exchange(most[name].every, tuple(messages))
            most[name] = max(most[name], sent, key=lambda exchange: exchange.bytes)
    return most


def _optimizer(recipe: Recipe, phase: Phase) -> PhaseOptimizer:
    """Return an optimizer of a phase that leaves its parameters as they are: none exchanges anything."""
    return PhaseOptimizer(recipe, phase, torch.optim.SGD(trained_parameters(recipe, phase), 0.0), _Constant())


def _step(
    selection: Selection,
    recipe: Recipe,
    optimizers: list[PhaseOptimizer],
    batches: Mapping[str, Batches],
    processes: CountedProcesses,
    steps: int,
) -> TrainStep:
    """Return a training step that tells ``processes`` which phase computes."""
    settings, streams = selection.run, KeyedStreams(0, "meta")
    trained = {optimizer.name: optimizer.parameters for optimizer in optimizers}
    collapse = CollapseDetector(recipe, streams.device, processes.average, settings.on_collapse != "off")
    check = AnomalyCheck(recipe, trained, processes.average, collapse, settings.on_non_finite != "off")
    ema, precision = EMA(recipe, settings.ema), Precision("fp32", streams.device)
    train_step = TrainStep(
        recipe, optimizers, batches, ema, streams, 0, steps, precision, processes, check, settings.accumulate
    )
    train_step.losses = {name: processes.noting(name, loss) for name, loss in train_step.losses.items()}
    return train_step


@final
class CountedProcesses(ExchangingProcesses):
    """Processes that send nothing, and count by phase the bytes of each message."""

    share = Share()

    def __init__(self, overlap: bool):
        super().__init__(overlap)
        self.messages: dict[str, list[int]] = {}
        self._phase = ""

    def noting(self, phase: str, loss: PhaseLoss) -> PhaseLoss:
        """Return ``loss``, whose call begins what is counted for ``phase``."""

        def noted(batch: Batch, context: StepContext) -> PhaseOutput:
            self._phase = phase
            return loss(batch, context)

        return noted

    def begin_sum(self, values: Tensor) -> Wait:
        """Count a message."""
        self.messages[self._phase].append(values.nbytes)
        return lambda: None

    def broadcast_text(self, text: str) -> str:
        """Return ``text``."""
        return text

    def broadcast_weights(self, network: object) -> None:
        """Do nothing."""

    def max_flag(self, flag: int) -> int:
        """Return ``flag``."""
        return flag


@final
class _Constant(Schedule):
    """The same learning rate in every step."""

    def factor(self, progress: Progress) -> float:
        """Return 1."""
        return 1.0


@final
class _TrialBatches(Batches):
    """One batch that is always the same."""

    source = "trial"

    def __init__(self, fields: dict[str, Tensor], size: int):
        self._fields, self.order = fields, BatchOrder(size, size, 0, "trial", "meta")

    def feed(self, number: int) -> Feed:
        """Return nothing."""
        return {}

    def make(self, feed: Feed) -> dict[str, Tensor]:
        """Return the batch."""
        return self._fields

    def first(self, count: int) -> dict[str, Tensor]:
        """Return the first examples of the batch."""
        return {name: values[:count] for name, values in self._fields.items()}
