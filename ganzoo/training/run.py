"""One training, from the selection to the model file."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.trainable import parameter_counts
from ganzoo.batches.class_order import Renumbering, in_known_order, renumbering
from ganzoo.batches.reading import described_examples
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.registry import Registry, installed
from ganzoo.catalogue.selection import Selection
from ganzoo.catalogue.starts import Start
from ganzoo.contract.judge import untracked
from ganzoo.contract.tracking import tracked_by
from ganzoo.errors import UserError
from ganzoo.randomness import process_numerics
from ganzoo.step.determinism import deterministic
from ganzoo.step.device import choose_device
from ganzoo.step.precision import Precision, choose_precision
from ganzoo.step.processes import ProcessGroup, process_group
from ganzoo.storage.model_file import described_data, versions
from ganzoo.storage.run_folder import RunFolder
from ganzoo.text import warn
from ganzoo.training import checkpoints
from ganzoo.training.checkpointer import Checkpointer
from ganzoo.training.evaluator import TrainingEvaluator, open_training_evaluator
from ganzoo.training.failures import explain_training_out_of_memory, explain_write_failure
from ganzoo.training.observers import Observer, TrainingStart
from ganzoo.training.observers.best_effort import BestEffort
from ganzoo.training.observers.diagnoses import Diagnoses
from ganzoo.training.observers.metrics_file import MetricsFile
from ganzoo.training.observers.optional import Watcher, optional_observers
from ganzoo.training.observers.picture_files import CurvesFile, PictureFiles
from ganzoo.training.observers.tracking import Tracker
from ganzoo.training.preview import Preview
from ganzoo.training.report_file import reporting
from ganzoo.training.setup import build_trainer
from ganzoo.training.start import Others, read_starts, refuse_recorded, resumed_starts
from ganzoo.training.stop import Stop
from ganzoo.training.trainer import Intervals, Trainer

PATIENCE = 1.0  # seconds of reading data that need no mention where there is no bar


@dataclass(frozen=True)
class Run:
    """The result of a training: its folder, the number of steps, and the sha256 of the model's weights.

    ``seconds`` is the training time. ``signal`` is the number of the signal that ended the training early, or ``None``
    if it is ``finished``. Of several processes, only the one with ``is_first`` has the sha256. ``registry`` has all
    parts of the model; ``condition`` is the field of its condition, or ``None``; ``label`` is one condition as a
    word for ``ganzoo sample --label``, or empty.
    """

    folder: RunFolder
    steps: int
    seconds: float
    sha256: str
    finished: bool
    signal: int | None = None
    is_first: bool = True
    registry: Registry = field(default_factory=installed, repr=False, compare=False)
    condition: Field | None = None
    label: str = ""

    def _repr_html_(self) -> str:
        """Return what the files of the run tell, with its newest picture, for a notebook."""
        # Imported here: a training needs no templates until its report is written.
        from ganzoo.report.run_card import run_card

        return run_card(self.folder.path)


@dataclass(frozen=True)
class _Training:
    """Everything that a training needs, built and checked before the run folder is made."""

    selection: Selection
    data: Mapping[str, DataSpec]
    processes: ProcessGroup
    folder: RunFolder
    observers: Sequence[Observer]
    trainer: Trainer
    preview: Preview
    evaluator: TrainingEvaluator | None
    notes: Sequence[str] = ()  # what has changed since the checkpoint from which it continues


def train(
    selection: Selection,
    watchers: Sequence[Observer] = (),
    resume: bool = False,
    optional: Sequence[Watcher] = (),
) -> Run:
    """Train a selection and write its run folder; with ``resume``, continue from the newest valid checkpoint.

    An error of an observer in ``watchers`` ends the training; those in ``optional`` cannot end it.

    Everything is checked before the folder is made: raises :class:`~ganzoo.errors.UserError`, and writes nothing.
    During the training, SIGINT, SIGTERM, SIGHUP and SIGUSR1 end it after the current step; it is saved, and the run is
    not ``finished``. If a checkpoint, a model or a row of metrics cannot be written, the training ends with
    :class:`~ganzoo.errors.TrainingFailed`. If torchrun started this process, each process computes a share of every
    batch. Of several trainings in the threads of one process, one runs at a time, and the others wait.
    """
    with process_numerics:
        return _train_alone(selection, watchers, resume, optional)


def _train_alone(selection: Selection, watchers: Sequence[Observer], resume: bool, optional: Sequence[Watcher]) -> Run:
    delivered = assemble(selection)
    recorded = {slot: start for slot, start in selection.starts.items() if not start.is_asked_for}
    if not resume:
        refuse_recorded(recorded)
    others = read_starts(selection)
    device = choose_device(selection.run.device)
    precision = choose_precision(selection.run.precision, device)
    # The config records the precision that was used, so that the run can be repeated where `auto` differs.
    selection = dataclasses.replace(
        selection,
        run=dataclasses.replace(selection.run, precision=precision.name),
        starts={**selection.starts, **others.starts},
    )
    stop = Stop()
    with ExitStack() as stack:
        processes = stack.enter_context(process_group(device, selection.run.overlap))
        stack.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))
        stack.enter_context(precision.set())
        stack.enter_context(deterministic(selection.run.deterministic))
        folder = _choose_folder(selection, resume, processes)
        stack.enter_context(explain_training_out_of_memory(selection.run, device, folder))
        before = [described_data(folder.model, selection.registry.field_types)] if resume else []
        data = _in_known_order(delivered, [*before, *others.data])
        renumberings = {slot: renumbering(delivered[slot], spec) for slot, spec in data.items()}
        with tracked_by(Tracker(PATIENCE) if watchers and processes.is_first else untracked):
            training = _prepare(
                selection, data, precision, processes, folder, others, renumberings, watchers, optional, stack
            )
        lock = folder.locked(resume) if processes.is_first else nullcontext()
        with explain_write_failure(folder), lock, stop.listening():
            if resume:
                training = _resumed(training, recorded)
            sha256 = _train(training, stop)
    trainer = training.trainer
    finished = trainer.step == trainer.steps
    signal = None if finished else stop.signal
    return Run(
        folder,
        trainer.step,
        trainer.seconds,
        sha256,
        finished,
        signal,
        processes.is_first,
        selection.registry,
        trainer.train_step.recipe.condition_field,
        training.preview.label,
    )


def _in_known_order(data: Mapping[str, DataSpec], models: Sequence[Mapping[str, DataSpec]]) -> Mapping[str, DataSpec]:
    """Return ``data`` with the classes in the order of the first of ``models`` that has the same classes."""
    for model in reversed(models):
        data = {
            slot: in_known_order(spec, model[slot].fields) if slot in model else spec for slot, spec in data.items()
        }
    return data


def _choose_folder(selection: Selection, resume: bool, processes: ProcessGroup) -> RunFolder:
    """Return the run's folder; the first process chooses it for all."""
    if not processes.is_first:
        return RunFolder(Path(processes.broadcast_text("")))
    folder = RunFolder.choose(selection.run.out, selection.variant, resume)
    processes.broadcast_text(str(folder.path))
    return folder


def _prepare(
    selection: Selection,
    data: Mapping[str, DataSpec],
    precision: Precision,
    processes: ProcessGroup,
    folder: RunFolder,
    others: Others,
    renumberings: Mapping[str, Renumbering],
    watchers: Sequence[Observer],
    optional: Sequence[Watcher],
    stack: ExitStack,
) -> _Training:
    """Build everything that the training needs, and write nothing; ``stack`` closes the data."""
    observers = _observers(selection, watchers, optional) if processes.is_first else []
    tell = _warn_in_first_process(processes)
    trainer = build_trainer(selection, data, precision, processes, tell, others, renumberings)
    for batches in trainer.train_step.batches.values():
        stack.callback(batches.close)
    trainer.prepare()
    preview = Preview(trainer.train_step.recipe, trainer.train_step.batches, selection.run.seed, precision.device)
    evaluator = _open_evaluator(selection, trainer, folder, watchers) if processes.is_first else None
    return _Training(selection, data, processes, folder, observers, trainer, preview, evaluator)


def _observers(selection: Selection, watchers: Sequence[Observer], optional: Sequence[Watcher]) -> list[Observer]:
    pictures = [BestEffort(observer, warn) for observer in (PictureFiles(), CurvesFile())]
    return [
        MetricsFile(),
        Diagnoses(warn),
        *watchers,
        *optional_observers(selection.observers, optional, warn),
        *pictures,
    ]


def _open_evaluator(
    selection: Selection, trainer: Trainer, folder: RunFolder, watchers: Sequence[Observer]
) -> TrainingEvaluator | None:
    """Return the evaluator if the training has evaluations; show the training of a judge if there are watchers."""
    if not selection.run.evaluate_every:
        return None
    track = Tracker() if watchers else untracked
    return open_training_evaluator(selection, trainer, folder.best, track, warn)


def _resumed(training: _Training, recorded: Mapping[str, Start]) -> _Training:
    """Return the training, continued from the newest valid checkpoint, if there is one.

    ``recorded`` is what the config file says of the models from which networks started: a checkpoint has their weights.
    """
    selection = training.selection
    config, data_changed, changes = checkpoints.resume(
        training.folder, training.trainer, selection, _warn_in_first_process(training.processes)
    )
    _refuse_other_steps(training.trainer, training.processes)
    if training.evaluator is not None:
        training.evaluator.resume(training.trainer.step, data_changed)
    if not config:
        refuse_recorded(recorded)
        return training
    return dataclasses.replace(
        training, selection=dataclasses.replace(selection, starts=resumed_starts(selection, config)), notes=changes
    )


def _refuse_other_steps(trainer: Trainer, processes: ProcessGroup) -> None:
    """Raise :class:`UserError` if this process found another checkpoint than the first process."""
    step = int(processes.broadcast_text(str(trainer.step)))
    if trainer.step != step:
        raise UserError(
            f"process {processes.share.index} found the checkpoint of step {trainer.step}, and the first process that "
            f"of step {step}: the run folder must be on a disk that all processes see"
        )


def _train(training: _Training, stop: Stop) -> str:
    """Train, and return the sha256 of the final model's weights."""
    selection, trainer, settings = training.selection, training.trainer, training.selection.run
    training.processes.broadcast_weights(trainer.train_step.recipe)
    intervals = Intervals(
        settings.log_every,
        trainer.in_steps(settings.sample_every),
        trainer.in_steps(settings.checkpoint_every),
        settings.evaluate_every,
        stop,
        settings.diagnose_every,
    )
    start = TrainingStart(training.folder, trainer.step, trainer.steps, _title(training), trainer.steps_per_epoch)
    if training.processes.is_first:
        training.folder.write_config({**selection.to_json(), "versions": versions()})
    checkpointer = Checkpointer(training.folder, trainer, selection, training.data, training.evaluator)
    if trainer.step == 0 and settings.rolls_back:
        checkpointer.save()
    with reporting(training.folder, warn) if training.processes.is_first else nullcontext():
        with _observed(training.observers, start):
            trainer.run(training.observers, intervals, training.preview, checkpointer)
        return checkpointer.finish()


@contextmanager
def _observed(observers: Sequence[Observer], start: TrainingStart) -> Iterator[None]:
    """Report start and end of the block to the observers; those that began are ended in reverse order.

    So the pictures of the metrics are drawn when all rows are written.
    """
    with ExitStack() as stack:
        for observer in observers:
            observer.began(start)
            stack.callback(observer.ended)
        yield


def _warn_in_first_process(processes: ProcessGroup) -> Callable[[str], None]:
    """Return ``warn`` in the first process, and a function that does nothing in the others."""
    return warn if processes.is_first else lambda text: None


def _title(training: _Training) -> str:
    """Return a few lines that describe the training for the user."""
    selection, trainer = training.selection, training.trainer
    lines: list[str] = []
    for slot, spec in training.data.items():
        batches = trainer.train_step.batches[slot]
        part = selection.parts[slot]
        about = f" ({part.component.summary})" if part.provider.package == LOCAL else ""
        lines.append(
            f"{part.component.name}{about}: {described_examples(batches.order.length, spec)}, from {batches.source}"
        )
        lines += [f"  {note}" for note in batches.notes]
    counts = parameter_counts(trainer.train_step.recipe)
    sizes = ", ".join(f"{name} {count:,}" for name, count in counts.items())
    settings, processes = selection.run, trainer.train_step.processes.share.count
    in_parallel = f", {processes} processes" if processes > 1 else ""
    settings_line = f"{settings.precision}, {trainer.execution.name}, batch {settings.batch_size}{in_parallel}"
    lines.append(f"parameters: {sizes}")
    if trainer.step == 0:
        lines += trainer.started
    else:
        lines.append(f"continuing from the checkpoint of step {trainer.step}")
        lines += [f"  {note}" for note in training.notes]
    if trainer.step == trainer.steps:
        lines.append("all steps are made: --resume with more --steps goes on")
    return "\n".join((f"{selection.variant} on {trainer.device}, {settings_line}", *lines))
