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
from ganzoo.step.determinism import deterministic
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import ProcessGroup, process_group
from ganzoo.storage.model_file import versions
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import warn
from ganzoo.training.checkpointer import Checkpointer
from ganzoo.training.checkpoints import resume as go_on
from ganzoo.training.evaluator import TrainingEvaluator, open_training_evaluator
from ganzoo.training.failures import memory_explained, unwritten_explained
from ganzoo.training.observers import Observer, TrainingStart
from ganzoo.training.observers.best_effort import BestEffort
from ganzoo.training.observers.metrics_file import MetricsFile
from ganzoo.training.observers.picture_files import CurvesFile, PictureFiles
from ganzoo.training.observers.tensorboard import TensorBoardEvents
from ganzoo.training.observers.tracking import Tracker
from ganzoo.training.preview import Preview
from ganzoo.training.setup import build_trainer
from ganzoo.training.stop import Stop
from ganzoo.training.trainer import Intervals, Trainer


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
        processes = around.enter_context(process_group(device))
        around.enter_context(random_state_kept)
        around.enter_context(precision.set())
        around.enter_context(deterministic(selection.run.deterministic))
        folder = _choose_folder(selection, resume, processes)
        around.enter_context(memory_explained(selection.run, device, folder))
        observers = _observers(selection, watchers) if processes.leads else []
        tell = warn if processes.leads else _say_nothing
        trainer = build_trainer(selection, data, precision, processes, tell)
        for batches in trainer.train_step.batches.values():
            around.callback(batches.close)
        trainer.prepare()
        preview = Preview(trainer.train_step.recipe, trainer.train_step.batches, selection.run.seed, device)
        evaluator = _examiner(selection, trainer, folder, watchers) if processes.leads else None
        lock = folder.claimed(resume) if processes.leads else nullcontext()
        with unwritten_explained(folder), lock, stop.listening():
            if resume:
                go_on(folder, trainer, selection, tell)
                _refuse_other_steps(trainer, processes)
                if evaluator is not None:
                    evaluator.go_on(trainer.step)
            processes.share_weights(trainer.train_step.recipe)
            settings = selection.run
            intervals = Intervals(
                settings.log_every, settings.sample_every, settings.checkpoint_every, settings.evaluate_every, stop
            )
            situation = TrainingStart(folder, trainer.step, trainer.steps, _title(selection, data, trainer))
            if processes.leads:
                folder.write_config({**selection.to_json(), "versions": versions()})
            checkpointer = Checkpointer(folder, trainer, selection, data, evaluator)
            if trainer.step == 0 and settings.rolls_back:
                checkpointer.save()
            _watched(
                observers,
                situation,
                lambda: trainer.run(observers, intervals, preview, checkpointer),
            )
            digest = checkpointer.finish()
    finished = trainer.step == trainer.steps
    signalled = None if finished else stop.signal
    return Run(folder, trainer.step, trainer.seconds, digest, finished, signalled, processes.leads)


def _say_nothing(text: str) -> None:
    """Leave it to the first process to say it once."""


def _examiner(
    selection: Selection, trainer: Trainer, folder: RunFolder, watchers: Sequence[Observer]
) -> TrainingEvaluator | None:
    """Return the examiner of a training that asks for evaluations; whoever watches sees a judge being trained."""
    if not selection.run.evaluate_every:
        return None
    track = Tracker() if watchers else untracked
    return open_training_evaluator(selection, trainer, folder.best, track, warn)


def _choose_folder(selection: Selection, resume: bool, processes: ProcessGroup) -> RunFolder:
    """Return the run's folder; of several processes the first one chooses."""
    if not processes.leads:
        return RunFolder(Path(processes.broadcast_text("")))
    folder = RunFolder.choose(selection.run.out, selection.variant, resume)
    processes.broadcast_text(str(folder.path))
    return folder


def _refuse_other_steps(trainer: Trainer, processes: ProcessGroup) -> None:
    """Raise :class:`UserError` where this process found another save than the first one did."""
    step = int(processes.broadcast_text(str(trainer.step)))
    if trainer.step != step:
        raise UserError(
            f"process {processes.share.index} found the save of step {trainer.step}, and the first one that of step "
            f"{step}: the run folder must be on a disk that all processes see"
        )


def _observers(selection: Selection, watchers: Sequence[Observer]) -> list[Observer]:
    extras: list[Observer] = [TensorBoardEvents()] if selection.run.tensorboard else []
    pictures = [BestEffort(observer, warn) for observer in (*extras, PictureFiles(), CurvesFile())]
    return [MetricsFile(), *watchers, *pictures]


def _watched(observers: Sequence[Observer], situation: TrainingStart, work: Callable[[], None]) -> None:
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
        found = trainer.train_step.batches[slot]
        condition: Any = spec.condition_field
        given = f", {condition.describe()}" if condition is not None else ""
        lines.append(
            f"{selection.parts[slot].component.name}: {found.order.length:,} {spec.target_field.describe()}{given}, "
            f"from {found.source}"
        )
    sizes = ", ".join(
        f"{name} {sum(p.numel() for p in network.parameters()):,}"
        for name, network in trainer.train_step.recipe.named_children()
        if any(True for _ in network.parameters())
    )
    settings, processes = selection.run, trainer.train_step.processes.share.count
    together = f", {processes} processes" if processes > 1 else ""
    how = f"{settings.precision}, {trainer.execution.name}, batch {settings.batch_size}{together}"
    lines.append(f"parameters: {sizes}")
    if trainer.step:
        lines.append(f"going on from the save of step {trainer.step}")
    return "\n".join((f"{selection.variant} on {trainer.device}, {how}", *lines))
