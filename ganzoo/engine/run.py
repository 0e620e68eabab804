"""One training from selection to model file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch

from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.engine.assembly import SelectedParts, assemble, build_recipe, trained_parameters
from ganzoo.engine.averages import Averages
from ganzoo.engine.batches import Batches, open_batches
from ganzoo.engine.checkpoints import resume as go_on
from ganzoo.engine.checkpoints import write_checkpoint
from ganzoo.engine.device import choose_device
from ganzoo.engine.modelfile import versions, write_model
from ganzoo.engine.observers import Observer, Situation
from ganzoo.engine.observers.record import MetricsFile, PictureFiles, TensorBoardEvents
from ganzoo.engine.preview import Preview
from ganzoo.engine.runfolder import RunFolder
from ganzoo.engine.signals import Stop
from ganzoo.engine.trainer import Pace, Player, Trainer, batches_per_step
from ganzoo.randomness import Streams
from ganzoo.recipe import Recipe

MIB = 2**20


@dataclass(frozen=True)
class Run:
    """A training that has ended: its folder, how many steps it made, and the sha256 of its model's weights.

    ``signal`` is the number of the signal that ended it early, or ``None`` where it is ``finished``.
    """

    folder: RunFolder
    steps: int
    seconds: float
    sha256: str
    finished: bool
    signal: int | None = None


def train(selection: Selection, watchers: Sequence[Observer] = (), resume: bool = False) -> Run:
    """Train what was selected and write the run folder; with ``resume``, go on from its newest valid checkpoint.

    Everything that can be wrong is found before the folder is made: raises :class:`~ganzoo.errors.UserError`, and
    nothing is written. SIGINT, SIGTERM and SIGUSR1 end the training after the current step; it is saved all the same
    and the run is marked as not finished.
    """
    settings = selection.run
    specs = assemble(selection)
    device = choose_device(settings.device)
    folder = RunFolder.choose(settings.out, selection.variant, resume)
    extras: list[Observer] = [TensorBoardEvents()] if settings.tensorboard else []
    observers = [MetricsFile(), *watchers, *extras, PictureFiles()]
    parts = SelectedParts(selection.parts)
    batches = _open(selection, parts, specs, device)
    with torch.random.fork_rng(devices=[]), Stop().listening() as stop:
        recipe = build_recipe(selection, specs).to(device)
        trainer = _trainer(selection, parts, recipe, batches, device)
        preview = Preview(recipe, batches, settings.seed, device)
        with folder.claimed(resume):
            if resume:
                go_on(folder, trainer, selection, _warn)
            folder.write_config({**selection.to_json(), "versions": versions()})
            situation = Situation(
                folder, trainer.step, trainer.steps, _title(selection, specs, batches, recipe, device)
            )
            pace = Pace(settings.log_every, settings.sample_every, settings.checkpoint_every, stop)

            def write() -> str:
                with trainer.averages.in_place() as averaged:
                    trained = {"steps": trainer.step, "images": trainer.images}
                    return write_model(folder.model, averaged, selection, specs, trained)

            def save() -> None:
                write_checkpoint(folder.checkpoints, trainer, selection)
                write()

            _watched(observers, situation, lambda: trainer.run(observers, pace, preview, save))
            digest = write()
    finished = trainer.step == trainer.steps
    return Run(folder, trainer.step, trainer.seconds, digest, finished, None if finished else stop.signal)


def _warn(text: str) -> None:
    print(f"ganzoo: {text}", file=sys.stderr, flush=True)


def _open(
    selection: Selection, parts: SelectedParts, specs: Mapping[str, DataSpec], device: torch.device
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
        )
        for slot, spec in specs.items()
    }


def _trainer(
    selection: Selection,
    parts: SelectedParts,
    recipe: Recipe,
    batches: Mapping[str, Batches],
    device: torch.device,
) -> Trainer:
    settings = selection.run
    phases = recipe.phases()
    players = [
        Player.of(
            phase,
            parts.build(f"{phase.name}-optimizer", parameters=trained_parameters(recipe, phase)),
            parts.build(f"{phase.name}-schedule"),
        )
        for phase in phases
    ]
    per_epoch = max(found.order.per_epoch for found in batches.values())
    steps = settings.steps or (settings.epochs or 1) * max(1, per_epoch // batches_per_step(phases))
    averages = Averages(recipe, settings.ema)
    return Trainer(recipe, players, batches, averages, Streams(settings.seed, device), steps)


def _watched(observers: Sequence[Observer], situation: Situation, work: Callable[[], None]) -> None:
    with ExitStack() as begun:
        # The first to begin is the last to end, so pictures of the metrics are drawn when all rows are written.
        for observer in observers:
            observer.began(situation)
            begun.callback(observer.ended)
        work()


def _title(
    selection: Selection,
    specs: Mapping[str, DataSpec],
    batches: Mapping[str, Batches],
    recipe: Recipe,
    device: torch.device,
) -> str:
    """Say in a line or two what trains on what."""
    data: list[str] = []
    for slot, spec in specs.items():
        found = batches[slot]
        condition: Any = spec.condition_field
        given = f", {condition.describe()}" if condition is not None else ""
        data.append(
            f"{selection.parts[slot].component.name}: {found.order.length:,} {spec.target_field.describe()}{given}, "
            f"from {found.source}"
        )
    sizes = ", ".join(
        f"{name} {sum(p.numel() for p in network.parameters()):,}"
        for name, network in recipe.named_children()
        if any(True for _ in network.parameters())
    )
    return (
        f"{selection.variant} on {device}, batch {selection.run.batch_size}\n"
        + "\n".join(data)
        + f"\nparameters: {sizes}"
    )
