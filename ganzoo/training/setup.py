"""From a selection to a trainer that is ready to make its first step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import nn

from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.assembly.trainable import trained_parameters
from ganzoo.batches.batches import Batches, open_batches
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.optimization import Progress, Schedule
from ganzoo.contract.recipe import Phase, Recipe
from ganzoo.errors import UserError
from ganzoo.health.anomaly import AnomalyCheck
from ganzoo.health.collapse import CollapseDetector
from ganzoo.health.policies import AnomalyPolicies
from ganzoo.randomness import KeyedStreams
from ganzoo.step.ema import EMA
from ganzoo.step.execution import Compiled, Eager, Execution
from ganzoo.step.graph import CudaRecorder, Graphed
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.precision import Precision
from ganzoo.step.processes import ProcessGroup
from ganzoo.step.train_step import TrainStep
from ganzoo.training.trainer import Trainer, batches_per_step

MIB = 2**20


def build_trainer(
    selection: Selection,
    data: Mapping[str, DataSpec],
    precision: Precision,
    processes: ProcessGroup,
    warn: Callable[[str], None],
) -> Trainer:
    """Return the trainer of a selection whose check gave ``data``; reads data, and writes nothing.

    Raises :class:`UserError` where the batch cannot be divided, or the device cannot do what was asked for.
    """
    settings, device = selection.run, precision.device
    _refuse_uneven(settings.batch_size, processes.share.count, settings.accumulate)
    parts = SelectedParts(selection.parts)
    batches = _open(selection, parts, data, processes, device)
    recipe = _place(build_recipe(selection, data), device, settings.sync_bn, processes)
    precision.prepare(recipe)
    phase_optimizers = [
        PhaseOptimizer(
            recipe,
            phase,
            parts.build(f"{phase.name}-optimizer", parameters=trained_parameters(recipe, phase)),
            _schedule(selection, parts, phase),
        )
        for phase in recipe.phases()
    ]
    per_epoch = max(found.order.per_epoch for found in batches.values())
    epoch = max(1, per_epoch // batches_per_step([optimizer.phase for optimizer in phase_optimizers]))
    streams = KeyedStreams(settings.seed, device)
    collapse_detector = CollapseDetector(recipe, device, processes.average, settings.on_collapse != "off")
    trained = {optimizer.name: optimizer.parameters for optimizer in phase_optimizers}
    train_step = TrainStep(
        recipe,
        phase_optimizers,
        batches,
        EMA(recipe, settings.ema),
        streams,
        settings.seed,
        settings.steps or (settings.epochs or 1) * epoch,
        precision,
        processes,
        AnomalyCheck(recipe, trained, processes.average, collapse_detector, settings.on_non_finite != "off"),
        settings.accumulate,
    )
    execution = choose_execution(settings.execution, train_step, streams, warn)
    return Trainer(train_step, execution, AnomalyPolicies(settings, warn))


def _schedule(selection: Selection, parts: SelectedParts, phase: Phase) -> Schedule:
    slot = f"{phase.name}-schedule"
    schedule: Schedule = parts.build(slot)
    with selection.parts[slot].attributed():
        if not math.isfinite(schedule.factor(Progress(0, 1))):
            raise ValueError("its first factor is no finite number")
    return schedule


def choose_execution(name: str, train_step: TrainStep, streams: KeyedStreams, warn: Callable[[str], None]) -> Execution:
    """Return the execution called ``name``; ``auto`` replays graphs on NVIDIA's GPUs where the recipe can be replayed.

    Elsewhere ``auto`` is eager: on a CPU compiled steps are faster for some networks and slower for others, after a
    minute of compiling (docs/benchmarks.md).

    Raises :class:`UserError` where the device or the recipe does not allow it.
    """
    obstacle = _obstacle_to_graphs(train_step)
    if name == "graph" and obstacle:
        raise UserError(f"--execution graph {obstacle}: use --execution eager or compile")
    if name == "graph" or (name == "auto" and not obstacle):
        return Graphed(train_step, streams, CudaRecorder(streams.device), warn if name == "auto" else None)
    return Compiled(train_step, streams) if name == "compile" else Eager(train_step)


def _obstacle_to_graphs(train_step: TrainStep) -> str:
    if train_step.streams.device.type != "cuda":
        return f"records graphs of an NVIDIA GPU, and this training is on {train_step.streams.device}"
    if train_step.processes.share.count > 1:
        return "is for one process, and this training has several"
    return "" if train_step.recipe.replayable else "needs a recipe whose steps are all alike, and this one's are not"


def _refuse_uneven(batch_size: int, processes: int, passes: int) -> None:
    shares = processes * passes
    if batch_size % shares:
        what = " of ".join([f"{processes} processes"] * (processes > 1) + [f"{passes} passes each"] * (passes > 1))
        fitting = max(shares, batch_size - batch_size % shares)
        raise UserError(f"a batch of {batch_size} cannot be divided among {what}: give --batch-size {fitting}")


def _open(
    selection: Selection,
    parts: SelectedParts,
    data: Mapping[str, DataSpec],
    processes: ProcessGroup,
    device: torch.device,
) -> dict[str, Batches]:
    settings = selection.run
    return {
        slot: open_batches(
            parts.build(slot, root=settings.data_root),
            spec,
            settings.batch_size,
            settings.seed,
            selection.parts[slot].label,
            device,
            settings.data_budget * MIB,
            settings.workers,
            processes.share,
            selection.parts[slot].label_with_package,
        )
        for slot, spec in data.items()
    }


def _place(recipe: Recipe, device: torch.device, sync_bn: bool, processes: ProcessGroup) -> Recipe:
    """Put a recipe where it will train, convolutions in the order of memory that devices read fastest."""
    if sync_bn and device.type != "cuda":
        raise UserError(f"--sync-bn needs NVIDIA GPUs, and this training is on {device}: leave it out")
    if sync_bn and processes.share.count > 1:
        for name, network in list(recipe.named_children()):
            setattr(recipe, name, nn.SyncBatchNorm.convert_sync_batchnorm(network))
    return recipe.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
