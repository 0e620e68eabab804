"""Checkpoints that a training goes on from as if it had never stopped, each one sealed file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from ganzoo.catalogue.formats import refuse_other_format
from ganzoo.catalogue.selection import Selection
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.finite import refuse_non_finite
from ganzoo.storage import checkpoint_files
from ganzoo.storage.checkpoint_files import at_intervals, checkpoints, set_aside
from ganzoo.storage.files import DOCUMENT, read_file
from ganzoo.storage.resume_compatibility import identity_of, laid_out, refuse_other_choices
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.state import capture, restore
from ganzoo.training.trainer import Trainer


def write_checkpoint(folder: Path, trainer: Trainer, selection: Selection, best: int | None = None) -> Path:
    """Write the trainer's state into ``folder``, and remove checkpoints that the run's settings do not ask to keep.

    That of the ``best`` step stays, so that one can train on from there.
    """
    tensors, numbers = capture(trainer)
    # What is only watched may be infinite.
    refuse_non_finite({name: value for name, value in tensors.items() if not name.startswith("tally/")}, trainer.step)
    about = {"config": identity_of(selection.to_json()), **numbers}
    path = checkpoint_files.write(folder, trainer.step, tensors, about)
    checkpoint_files.remove_old(folder, selection.run.keep_checkpoints, selection.run.checkpoint_every, best)
    return path


def go_back(folder: Path, trainer: Trainer, every: int) -> int:
    """Bring networks, averages and optimizers to the newest checkpoint made at an interval, and return its step.

    Where there is none, as in a run that was begun without roll-back, it is the newest of all.
    The number of the step, the seconds and what was counted stay. Raises :class:`TrainingFailed` where there is none.
    """
    step, seconds, means = trainer.step, trainer.seconds, trainer.train_step.running_means
    sums, counts, history = dict(means.sums), Counter(means.counts), trainer.policies.state()
    found = checkpoints(folder)
    for path in dict.fromkeys((*at_intervals(found, every), *found)):
        try:
            restore(trainer, *checkpoint_files.read(path))
        except UserError:
            continue
        saved, trainer.step, trainer.seconds = trainer.step, step, seconds
        means.restore(sums, counts)
        trainer.policies.restore(history)
        trainer.execution.reset()
        return saved
    raise TrainingFailed(f"there is no save in {folder} to go back to from step {step}")


def resume(folder: RunFolder, trainer: Trainer, selection: Selection, warn: Callable[[str], None]) -> None:
    """Bring ``trainer`` to the newest valid checkpoint of a run; where there is none yet, change nothing.

    A damaged file is told through ``warn`` and the one before it is taken. Raises :class:`UserError` where the run was
    begun with other choices, where all of its checkpoints are damaged, or where the folder holds something else.
    """
    found = checkpoints(folder.checkpoints)
    useless: dict[Path, str] = {}
    for path in found:
        try:
            tensors, about = checkpoint_files.read(path)
        except UserError as problem:
            useless[path] = str(problem)
            warn(useless[path])
            continue
        refuse_other_choices(about["config"], identity_of(selection.to_json()))
        try:
            restore(trainer, tensors, about)
        except UserError as problem:
            useless[path] = f"{path} does not fit this run: {problem}"
            warn(useless[path])
            continue
        if useless:
            warn(f"going on from the save before, {path.name}")
        if trainer.train_step.processes.leads:
            set_aside(useless)
        return
    if found:
        raise UserError(
            f"all saves in {folder.checkpoints} are damaged or do not fit ({useless[found[0]]}): "
            "remove them to begin anew, or choose another --out"
        )
    _refuse_to_overwrite(folder, selection)


def _refuse_to_overwrite(folder: RunFolder, selection: Selection) -> None:
    """Let a run begin in its own folder where it was stopped before its first checkpoint, and nowhere else."""
    if folder.model.exists():
        raise UserError(f"{folder.path} holds a model and no saves to go on from: choose another --out")
    if folder.config.exists():
        try:
            then = json.loads(read_file(folder.config, DOCUMENT))
        except (OSError, ValueError, RecursionError) as problem:
            raise UserError(f"{folder.config} is no run's: choose another --out") from problem
        if not laid_out(then):
            raise UserError(f"{folder.config} is not of a run that was begun with ganzoo: choose another --out")
        refuse_other_format(then.get("format"), str(folder.config))
        refuse_other_choices(identity_of(then), identity_of(selection.to_json()))
