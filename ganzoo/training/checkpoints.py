"""Checkpoints: one sealed file each, from which a training continues as if it had never stopped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ganzoo.catalogue.formats import refuse_other_format
from ganzoo.catalogue.selection import Selection
from ganzoo.catalogue.starts import starts_to_json
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.finite import refuse_non_finite
from ganzoo.storage import checkpoint_files
from ganzoo.storage.checkpoint_files import checkpoints, interval_checkpoints, mark_damaged
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file
from ganzoo.storage.resume_compatibility import changed_choices, is_run_config, recorded_choices
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.length import LENGTH, length_notes
from ganzoo.training.same_data import compare_data, data_to_json, recorded_data
from ganzoo.training.state import capture, restore
from ganzoo.training.trainer import Trainer


def write_checkpoint(folder: Path, trainer: Trainer, selection: Selection, best: int | None = None) -> Path:
    """Write the trainer's state into ``folder``, and remove checkpoints that the run's settings do not keep.

    The checkpoint of the ``best`` step is kept, so that a training can continue from it.
    """
    tensors, numbers = capture(trainer)
    # Values that are only reported may be infinite. ("tally/…" is the name of the running means in checkpoints.)
    refuse_non_finite({name: value for name, value in tensors.items() if not name.startswith("tally/")}, trainer.step)
    config = {**recorded_choices(selection.to_json()), **starts_to_json(selection.starts)}
    about = {"config": config, LENGTH: trainer.steps, **data_to_json(trainer), **numbers}
    path = checkpoint_files.write(folder, trainer.step, tensors, about)
    every = trainer.in_steps(selection.run.checkpoint_every)
    checkpoint_files.remove_old(folder, selection.run.keep_checkpoints, every, best)
    return path


def roll_back(folder: Path, trainer: Trainer, every: int) -> int:
    """Restore networks, averages and optimizers from the newest checkpoint made at an interval, and return its step.

    A run that was started without roll-back may have none; then the newest of all is used. The trainer keeps its step
    number, its seconds, its running means and its history. Raises :class:`TrainingFailed` if there is no checkpoint.
    """
    step, seconds, means = trainer.step, trainer.seconds, trainer.train_step.running_means
    sums, counts, history = dict(means.sums), Counter(means.counts), trainer.policies.state()
    known = trainer.doctor.state()
    paths = checkpoints(folder)
    for path in dict.fromkeys((*interval_checkpoints(paths, every), *paths)):
        try:
            restore(trainer, *checkpoint_files.read(path))
        except UserError:
            continue
        restored_step, trainer.step, trainer.seconds = trainer.step, step, seconds
        means.restore(sums, counts)
        trainer.policies.restore(history)
        trainer.doctor.restore(known)
        trainer.execution.reset()
        return restored_step
    raise TrainingFailed(f"step {step} cannot be rolled back: there is no valid checkpoint in {folder}")


class Resumed(NamedTuple):
    """What a training continues from: the config in the checkpoint, and what has changed since.

    ``data_changed`` says whether examples were added or removed, and ``changes`` are lines about the choices. If there
    is no checkpoint yet, the config is empty.
    """

    config: Mapping[str, Any]
    data_changed: bool = False
    changes: Sequence[str] = ()


def resume(folder: RunFolder, trainer: Trainer, selection: Selection, warn: Callable[[str], None]) -> Resumed:
    """Restore ``trainer`` from the newest valid checkpoint of a run; if there is none yet, nothing changes.

    A damaged checkpoint is reported through ``warn``, and the one before it is used; so are examples that were added or
    removed. Raises :class:`UserError` if the run was started with other settings or on other data, if all of its
    checkpoints are damaged, or if the folder is not that of a run.
    """
    paths = checkpoints(folder.checkpoints)
    unusable: dict[Path, str] = {}
    for path in paths:
        try:
            tensors, about = checkpoint_files.read(path)
            recorded = recorded_data(path, about, selection)
        except UserError as problem:
            unusable[path] = str(problem)
            warn(unusable[path])
            continue
        changed = changed_choices(about["config"], selection)
        # Before the weights: those of other data often do not fit, and would be taken for damage.
        changes = compare_data(recorded, about.get("step"), trainer, selection, folder)
        _refuse_shorter(about.get("step"), trainer.steps, changed)
        try:
            restore(trainer, tensors, about)
        except UserError as problem:
            unusable[path] = f"{path} does not fit this run: {problem}"
            warn(unusable[path])
            continue
        if unusable:
            warn(f"continuing from the checkpoint before it, {path.name}")
        for change in changes:
            warn(change)
        if trainer.train_step.processes.is_first:
            mark_damaged(unusable)
        lines = [f"changed: {'; '.join(changed)}"] if changed else []
        return Resumed(about["config"], bool(changes), [*lines, *length_notes(trainer, about.get(LENGTH))])
    if paths:
        raise UserError(
            f"all checkpoints in {folder.checkpoints} are damaged or do not fit ({unusable[paths[0]]}): "
            "remove them to start again, or choose another --out"
        )
    _refuse_to_overwrite(folder, selection)
    return Resumed({})


def _refuse_shorter(step: Any, steps: int, changed: Sequence[str]) -> None:
    """Raise :class:`UserError` if the run is to end before its checkpoint; without a change that is damage."""
    if changed and isinstance(step, int) and steps < step < 2**53:
        raise UserError(
            f"the run has made {step} steps, and is to end after {steps}: give more --steps or --epochs, or choose "
            "another --out"
        )


def _refuse_to_overwrite(folder: RunFolder, selection: Selection) -> None:
    """Raise :class:`UserError` unless the folder is empty, or that of this run, stopped before its first checkpoint."""
    if folder.model.exists():
        raise UserError(
            f"{folder.path} contains a model, but no checkpoint to continue from: choose another --out; "
            f"--from {folder.path} starts a new run from its weights"
        )
    if folder.config.exists():
        try:
            config = json.loads(read_file(folder.config, MAX_DOCUMENT_BYTES))
        except (OSError, ValueError, RecursionError) as problem:
            raise UserError(f"{folder.config} is not the config of a run: choose another --out") from problem
        if not is_run_config(config):
            raise UserError(f"{folder.config} is not the config of a ganzoo run: choose another --out")
        refuse_other_format(config.get("format"), str(folder.config))
        changed_choices(config, selection)
