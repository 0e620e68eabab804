"""Builds the trainer of a selection, ready for its first step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import nn

from ganzoo.assembly.mixed_gradients import mixed_gradients
from ganzoo.assembly.packs import broken_packs
from ganzoo.assembly.parts import SelectedParts, build_recipe
from ganzoo.assembly.trainable import trained_parameters
from ganzoo.batches.batches import Batches, open_batches
from ganzoo.batches.class_order import Renumbered, Renumbering
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.optimization import Progress, Schedule
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import Refused, UserError
from ganzoo.health.anomaly import AnomalyCheck
from ganzoo.health.collapse import CollapseDetector
from ganzoo.health.doctor import Doctor
from ganzoo.health.policies import AnomalyPolicies
from ganzoo.randomness import KeyedStreams
from ganzoo.step.ema import EMA
from ganzoo.step.execution import Compiled, Eager, Execution
from ganzoo.step.graph import CudaRecorder, Graphed
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.precision import Precision
from ganzoo.step.processes import ProcessGroup
from ganzoo.step.train_step import TrainStep
from ganzoo.training.start import NO_OTHERS, Others, start_from
from ganzoo.training.trainer import Trainer, batches_per_step

MIB = 2**20
NO_RENUMBERINGS: Mapping[str, Renumbering] = MappingProxyType({})


def build_trainer(
    selection: Selection,
    data: Mapping[str, DataSpec],
    precision: Precision,
    processes: ProcessGroup,
    warn: Callable[[str], None],
    others: Others = NO_OTHERS,
    renumberings: Mapping[str, Renumbering] = NO_RENUMBERINGS,
) -> Trainer:
    """Return the trainer of a selection with the data specs ``data``; reads data, and writes nothing.

    ``others`` are the networks of other models from which networks start. ``renumberings`` change the numbers of the
    classes of datasets.
    Raises :class:`UserError` if the batch cannot be divided among processes and passes, or if the device does not
    support a setting.
    """
    settings, device = selection.run, precision.device
    _refuse_uneven(settings.batch_size, processes.share.count, settings.accumulate)
    parts = SelectedParts(selection.parts)
    recipe = build_recipe(selection, data, parts=parts)
    if problems := list(broken_packs(parts, settings, processes.share.count)):
        raise Refused(dict.fromkeys(problems))
    started = start_from(recipe, parts, others)
    batches = _open_batches(selection, parts, data, processes, device, renumberings)
    recipe = _move_to_device(recipe, device, settings.sync_bn, processes)
    precision.prepare(recipe)
    phase_optimizers = _phase_optimizers(selection, parts, recipe)
    per_epoch = max(slot_batches.order.per_epoch for slot_batches in batches.values())
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
    for text in mixed_gradients(recipe, parts):
        warn(text)
    execution = choose_execution(settings.execution, train_step, streams, warn)
    doctor = Doctor(recipe, phase_optimizers, batches, settings.seed, train_step.steps, warn)
    return Trainer(train_step, execution, AnomalyPolicies(settings, warn), doctor, started)


def _phase_optimizers(selection: Selection, parts: SelectedParts, recipe: Recipe) -> list[PhaseOptimizer]:
    """Return the optimizer of each phase; phases that share one share its schedule too."""
    phases = recipe.phases()
    owners = [phase for phase in phases if not phase.optimizer]
    optimizers: dict[str, torch.optim.Optimizer] = {
        owner.name: parts.build(
            f"{owner.name}-optimizer",
            parameters=trained_parameters(recipe, *(p for p in phases if owner.name in (p.name, p.optimizer))),
        )
        for owner in owners
    }
    schedules = {owner.name: _schedule(selection, parts, owner.name) for owner in owners}
    return [
        PhaseOptimizer(recipe, phase, optimizers[owner], schedules[owner])
        for phase in phases
        for owner in (phase.optimizer or phase.name,)
    ]


def _schedule(selection: Selection, parts: SelectedParts, phase: str) -> Schedule:
    slot = f"{phase}-schedule"
    schedule: Schedule = parts.build(slot)
    with selection.parts[slot].attributed():
        if not math.isfinite(schedule.factor(Progress(0, 1))):
            raise ValueError("its first factor is not a finite number")
    return schedule


def choose_execution(name: str, train_step: TrainStep, streams: KeyedStreams, warn: Callable[[str], None]) -> Execution:
    """Return the execution called ``name``; ``auto`` is ``graph`` on an NVIDIA GPU if the recipe is replayable.

    There ``compile`` also records the compiled step.

    Otherwise ``auto`` is ``eager``: on a CPU, compiled steps are faster for some networks and slower for others, after
    a minute of compilation (docs/benchmarks.md).

    Raises :class:`UserError` if the device or the recipe does not allow it.
    """
    obstacle = _obstacle_to_graphs(train_step)
    if name == "graph" and obstacle:
        raise UserError(f"--execution graph {obstacle}: use --execution eager or compile")
    compiled = Compiled(train_step, streams) if name == "compile" else None
    if name == "eager" or obstacle:
        return compiled or Eager(train_step)
    return Graphed(train_step, CudaRecorder(streams.device), None if name == "graph" else warn, compiled)


def _obstacle_to_graphs(train_step: TrainStep) -> str:
    if train_step.streams.device.type != "cuda":
        return f"records graphs of an NVIDIA GPU, and this training is on {train_step.streams.device}"
    if train_step.processes.share.count > 1:
        return "is for one process, and this training has several"
    return "" if train_step.recipe.replayable else "needs a recipe that is replayable, and this one is not"


def _refuse_uneven(batch_size: int, processes: int, passes: int) -> None:
    shares = processes * passes
    if batch_size % shares:
        parts = " of ".join([f"{processes} processes"] * (processes > 1) + [f"{passes} passes each"] * (passes > 1))
        divisible = max(shares, batch_size - batch_size % shares)
        raise UserError(f"a batch of {batch_size} cannot be divided among {parts}: give --batch-size {divisible}")


def _open_batches(
    selection: Selection,
    parts: SelectedParts,
    data: Mapping[str, DataSpec],
    processes: ProcessGroup,
    device: torch.device,
    renumberings: Mapping[str, Renumbering],
) -> dict[str, Batches]:
    settings = selection.run
    datasets = {slot: parts.build(slot, root=settings.data_root) for slot in data}
    datasets |= {slot: Renumbered(datasets[slot], tables) for slot, tables in renumberings.items() if tables}
    return {
        slot: open_batches(
            datasets[slot],
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


def _move_to_device(recipe: Recipe, device: torch.device, sync_bn: bool, processes: ProcessGroup) -> Recipe:
    """Move a recipe to its device, with channels-last convolutions, which are the fastest."""
    if sync_bn and device.type != "cuda":
        raise UserError(f"--sync-bn needs NVIDIA GPUs, and this training is on {device}: leave it out")
    if sync_bn and processes.share.count > 1:
        for name, network in list(recipe.named_children()):
            setattr(recipe, name, nn.SyncBatchNorm.convert_sync_batchnorm(network))
    return recipe.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
