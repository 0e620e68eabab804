"""One training from selection to model file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.judge import untracked
from ganzoo.errors import UserError
from ganzoo.health.memory import memory_told
from ganzoo.step.determinism import deterministic
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import Team, gathered
from ganzoo.storage.model_file import versions
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import warn
from ganzoo.training.checkpointer import Keeper, told_what_stands
from ganzoo.training.checkpoints import resume as go_on
from ganzoo.training.evaluator import Examiner, open_examiner
from ganzoo.training.observers import Observer, Situation
from ganzoo.training.observers.best_effort import Dispensable
from ganzoo.training.observers.metrics_file import MetricsFile
from ganzoo.training.observers.picture_files import CurvesFile, PictureFiles
from ganzoo.training.observers.tensorboard import TensorBoardEvents
from ganzoo.training.observers.tracking import Tracker
from ganzoo.training.preview import Preview
from ganzoo.training.setup import build_trainer
from ganzoo.training.stop import Stop
from ganzoo.training.trainer import Pace, Trainer


@dataclass(frozen=True)
class Run:
    """A training that has ended: its folder, how many steps it made, and the sha256 of its model's weights.

    ``signal`` is the number of the signal that ended it early, or ``None`` where it is ``finished``. Of several
    processes only the one that ``leads`` knows the sha256.
    """

    folder: RunFolder
    steps: int
    seconds: float
    sha256: str
    finished: bool
    signal: int | None = None
    leads: bool = True


def train(selection: Selection, watchers: Sequence[Observer] = (), resume: bool = False) -> Run:
    """Train what was selected and write the run folder; with ``resume``, go on from its newest valid checkpoint.

    Everything that can be wrong is found before the folder is made: raises :class:`~ganzoo.errors.UserError`, and
    nothing is written. Once it trains, SIGINT, SIGTERM, SIGHUP and SIGUSR1 end it after the current step; it is saved
    all the same and the run is marked as not finished. A save, a model or a row of metrics that cannot be written ends
    it with :class:`~ganzoo.errors.TrainingFailed`. Started by torchrun, every process computes a share of each batch.
    """
    data = assemble(selection)
    device = choose_device(selection.run.device)
    precision = choose_precision(selection.run.precision, device)
    # What is written down is what was done, so that it can be repeated where `auto` would choose otherwise.
    selection = dataclasses.replace(selection, run=dataclasses.replace(selection.run, precision=precision.name))
    stop, random_state_kept = Stop(), torch.random.fork_rng(devices=range(torch.cuda.device_count()))
    with ExitStack() as around:
        team = around.enter_context(gathered(device))
        around.enter_context(random_state_kept)
        around.enter_context(precision.set())
        around.enter_context(deterministic(selection.run.deterministic))
        folder = _choose_folder(selection, resume, team)
        around.enter_context(memory_told(selection.run, device, folder))
        observers = _observers(selection, watchers) if team.leads else []
        tell = warn if team.leads else _say_nothing
        trainer = build_trainer(selection, data, precision, team, tell)
        for batches in trainer.game.batches.values():
            around.callback(batches.close)
        trainer.prepare()
        preview = Preview(trainer.game.recipe, trainer.game.batches, selection.run.seed, device)
        examiner = _examiner(selection, trainer, folder, watchers) if team.leads else None
        claim = folder.claimed(resume) if team.leads else nullcontext()
        with told_what_stands(folder), claim, stop.listening():
            if resume:
                go_on(folder, trainer, selection, tell)
                _refuse_other_steps(trainer, team)
                if examiner is not None:
                    examiner.go_on(trainer.step)
            team.share_weights(trainer.game.recipe)
            settings = selection.run
            pace = Pace(
                settings.log_every, settings.sample_every, settings.checkpoint_every, settings.evaluate_every, stop
            )
            situation = Situation(folder, trainer.step, trainer.steps, _title(selection, data, trainer))
            if team.leads:
                folder.write_config({**selection.to_json(), "versions": versions()})
            keeper = Keeper(folder, trainer, selection, data, examiner)
            if trainer.step == 0 and settings.goes_back:
                keeper.save()
            _watched(
                observers,
                situation,
                lambda: trainer.run(observers, pace, preview, keeper.save, keeper.examine, keeper.go_back),
            )
            digest = keeper.finish()
    finished = trainer.step == trainer.steps
    signalled = None if finished else stop.signal
    return Run(folder, trainer.step, trainer.seconds, digest, finished, signalled, team.leads)


def _say_nothing(text: str) -> None:
    """Leave it to the first process to say it once."""


def _examiner(
    selection: Selection, trainer: Trainer, folder: RunFolder, watchers: Sequence[Observer]
) -> Examiner | None:
    """Return the examiner of a training that asks for evaluations; whoever watches sees a judge being trained."""
    if not selection.run.evaluate_every:
        return None
    track = Tracker() if watchers else untracked
    return open_examiner(selection, trainer, folder.best, track, warn)


def _choose_folder(selection: Selection, resume: bool, team: Team) -> RunFolder:
    """Return the run's folder; of several processes the first one chooses."""
    if not team.leads:
        return RunFolder(Path(team.told("")))
    folder = RunFolder.choose(selection.run.out, selection.variant, resume)
    team.told(str(folder.path))
    return folder


def _refuse_other_steps(trainer: Trainer, team: Team) -> None:
    """Raise :class:`UserError` where this process found another save than the first one did."""
    step = int(team.told(str(trainer.step)))
    if trainer.step != step:
        raise UserError(
            f"process {team.share.index} found the save of step {trainer.step}, and the first one that of step {step}: "
            "the run folder must be on a disk that all processes see"
        )


def _observers(selection: Selection, watchers: Sequence[Observer]) -> list[Observer]:
    extras: list[Observer] = [TensorBoardEvents()] if selection.run.tensorboard else []
    pictures = [Dispensable(observer, warn) for observer in (*extras, PictureFiles(), CurvesFile())]
    return [MetricsFile(), *watchers, *pictures]


def _watched(observers: Sequence[Observer], situation: Situation, work: Callable[[], None]) -> None:
    with ExitStack() as begun:
        # The first to begin is the last to end, so pictures of the metrics are drawn when all rows are written.
        for observer in observers:
            observer.began(situation)
            begun.callback(observer.ended)
        work()


def _title(selection: Selection, data: Mapping[str, DataSpec], trainer: Trainer) -> str:
    """Say in a line or two what trains on what."""
    lines: list[str] = []
    for slot, spec in data.items():
        found = trainer.game.batches[slot]
        condition: Any = spec.condition_field
        given = f", {condition.describe()}" if condition is not None else ""
        lines.append(
            f"{selection.parts[slot].component.name}: {found.order.length:,} {spec.target_field.describe()}{given}, "
            f"from {found.source}"
        )
    sizes = ", ".join(
        f"{name} {sum(p.numel() for p in network.parameters()):,}"
        for name, network in trainer.game.recipe.named_children()
        if any(True for _ in network.parameters())
    )
    settings, processes = selection.run, trainer.game.team.share.count
    together = f", {processes} processes" if processes > 1 else ""
    how = f"{settings.precision}, {trainer.execution.name}, batch {settings.batch_size}{together}"
    lines.append(f"parameters: {sizes}")
    if trainer.step:
        lines.append(f"going on from the save of step {trainer.step}")
    return "\n".join((f"{selection.variant} on {trainer.device}, {how}", *lines))
