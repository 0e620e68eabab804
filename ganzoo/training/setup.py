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
from ganzoo.health.anomaly import Guard
from ganzoo.health.collapse import Spread
from ganzoo.health.policies import Remedies
from ganzoo.randomness import KeyedStreams
from ganzoo.step.ema import Averages
from ganzoo.step.execution import Compiled, Eager, Execution
from ganzoo.step.graph import CudaRecorder, Graphed
from ganzoo.step.phase_optimizer import Player
from ganzoo.step.precision import Precision
from ganzoo.step.processes import Team
from ganzoo.step.train_step import Game
from ganzoo.training.trainer import Trainer, batches_per_step

MIB = 2**20


def build_trainer(
    selection: Selection,
    data: Mapping[str, DataSpec],
    precision: Precision,
    team: Team,
    warn: Callable[[str], None],
) -> Trainer:
    """Return the trainer of a selection whose check gave ``data``; reads data, and writes nothing.

    Raises :class:`UserError` where the batch cannot be divided, or the device cannot do what was asked for.
    """
    settings, device = selection.run, precision.device
    _refuse_uneven(settings.batch_size, team.share.count, settings.accumulate)
    parts = SelectedParts(selection.parts)
    batches = _open(selection, parts, data, team, device)
    recipe = _place(build_recipe(selection, data), device, settings.sync_bn, team)
    precision.prepare(recipe)
    players = [
        Player(
            recipe,
            phase,
            parts.build(f"{phase.name}-optimizer", parameters=trained_parameters(recipe, phase)),
            _schedule(selection, parts, phase),
        )
        for phase in recipe.phases()
    ]
    per_epoch = max(found.order.per_epoch for found in batches.values())
    epoch = max(1, per_epoch // batches_per_step([player.phase for player in players]))
    streams = KeyedStreams(settings.seed, device)
    spread = Spread(recipe, device, team, settings.on_collapse != "off")
    game = Game(
        recipe,
        players,
        batches,
        Averages(recipe, settings.ema),
        streams,
        settings.seed,
        settings.steps or (settings.epochs or 1) * epoch,
        precision,
        team,
        Guard(recipe, players, team, spread, settings.on_non_finite != "off"),
        settings.accumulate,
    )
    execution = choose_execution(settings.execution, game, streams, warn)
    return Trainer(game, execution, Remedies(settings, warn))


def _schedule(selection: Selection, parts: SelectedParts, phase: Phase) -> Schedule:
    slot = f"{phase.name}-schedule"
    schedule: Schedule = parts.build(slot)
    with selection.parts[slot].blamed():
        if not math.isfinite(schedule.factor(Progress(0, 1))):
            raise ValueError("its first factor is no finite number")
    return schedule


def choose_execution(name: str, game: Game, streams: KeyedStreams, warn: Callable[[str], None]) -> Execution:
    """Return the execution called ``name``; ``auto`` replays graphs on NVIDIA's GPUs where the recipe can be replayed.

    Elsewhere ``auto`` is eager: on a CPU compiled steps are faster for some networks and slower for others, after a
    minute of compiling (docs/benchmarks.md).

    Raises :class:`UserError` where the device or the recipe does not allow it.
    """
    obstacle = _obstacle_to_graphs(game)
    if name == "graph" and obstacle:
        raise UserError(f"--execution graph {obstacle}: use --execution eager or compile")
    if name == "graph" or (name == "auto" and not obstacle):
        return Graphed(game, streams, CudaRecorder(streams.device), warn if name == "auto" else None)
    return Compiled(game, streams) if name == "compile" else Eager(game)


def _obstacle_to_graphs(game: Game) -> str:
    if game.streams.device.type != "cuda":
        return f"records graphs of an NVIDIA GPU, and this training is on {game.streams.device}"
    if game.team.share.count > 1:
        return "is for one process, and this training has several"
    return "" if game.recipe.replayable else "needs a recipe whose steps are all alike, and this one's are not"


def _refuse_uneven(batch_size: int, processes: int, passes: int) -> None:
    shares = processes * passes
    if batch_size % shares:
        what = " of ".join([f"{processes} processes"] * (processes > 1) + [f"{passes} passes each"] * (passes > 1))
        fitting = max(shares, batch_size - batch_size % shares)
        raise UserError(f"a batch of {batch_size} cannot be divided among {what}: give --batch-size {fitting}")


def _open(
    selection: Selection, parts: SelectedParts, data: Mapping[str, DataSpec], team: Team, device: torch.device
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
            team.share,
            selection.parts[slot].owned,
        )
        for slot, spec in data.items()
    }


def _place(recipe: Recipe, device: torch.device, sync_bn: bool, team: Team) -> Recipe:
    """Put a recipe where it will train, convolutions in the order of memory that devices read fastest."""
    if sync_bn and device.type != "cuda":
        raise UserError(f"--sync-bn needs NVIDIA GPUs, and this training is on {device}: leave it out")
    if sync_bn and team.share.count > 1:
        for name, network in list(recipe.named_children()):
            setattr(recipe, name, nn.SyncBatchNorm.convert_sync_batchnorm(network))
    return recipe.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
