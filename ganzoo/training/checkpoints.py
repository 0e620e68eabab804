"""Checkpoints: one sealed file each, from which a training continues as if it had never stopped."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ganzoo.catalogue.formats import refuse_other_format
from ganzoo.catalogue.selection import Selection
from ganzoo.catalogue.starts import starts_to_json
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.finite import refuse_non_finite
from ganzoo.storage import checkpoint_files
from ganzoo.storage.checkpoint_files import checkpoints, interval_checkpoints, mark_damaged
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file
from ganzoo.storage.resume_compatibility import (
    is_run_config,
    refuse_changed_config,
    training_identity,
    with_later_options,
    with_optional_parts,
)
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.state import capture, restore
from ganzoo.training.trainer import Trainer


def write_checkpoint(folder: Path, trainer: Trainer, selection: Selection, best: int | None = None) -> Path:
    """Write the trainer's state into ``folder``, and remove checkpoints that the run's settings do not keep.

    The checkpoint of the ``best`` step is kept, so that a training can continue from it.
    """
    tensors, numbers = capture(trainer)
    # Values that are only reported may be infinite. ("tally/…" is the name of the running means in checkpoints.)
    refuse_non_finite({name: value for name, value in tensors.items() if not name.startswith("tally/")}, trainer.step)
    config = {**training_identity(selection.to_json()), **starts_to_json(selection.starts)}
    about = {"config": config, **numbers}
    path = checkpoint_files.write(folder, trainer.step, tensors, about)
    checkpoint_files.remove_old(folder, selection.run.keep_checkpoints, selection.run.checkpoint_every, best)
    return path


def roll_back(folder: Path, trainer: Trainer, every: int) -> int:
    """Restore networks, averages and optimizers from the newest checkpoint made at an interval, and return its step.

    A run that was started without roll-back may have none; then the newest of all is used. The trainer keeps its step
    number, its seconds, its running means and its history. Raises :class:`TrainingFailed` if there is no checkpoint.
    """
    step, seconds, means = trainer.step, trainer.seconds, trainer.train_step.running_means
    sums, counts, history = dict(means.sums), Counter(means.counts), trainer.policies.state()
    paths = checkpoints(folder)
    for path in dict.fromkeys((*interval_checkpoints(paths, every), *paths)):
        try:
            restore(trainer, *checkpoint_files.read(path))
        except UserError:
            continue
        restored_step, trainer.step, trainer.seconds = trainer.step, step, seconds
        means.restore(sums, counts)
        trainer.policies.restore(history)
        trainer.execution.reset()
        return restored_step
    raise TrainingFailed(f"step {step} cannot be rolled back: there is no valid checkpoint in {folder}")


def resume(folder: RunFolder, trainer: Trainer, selection: Selection, warn: Callable[[str], None]) -> Mapping[str, Any]:
    """Restore ``trainer`` from the newest valid checkpoint of a run, and return the config in it.

    If there is no checkpoint yet, nothing changes, and the config is empty.

    A damaged checkpoint is reported through ``warn``, and the one before it is used. Raises :class:`UserError` if the
    run was started with other settings, if all of its checkpoints are damaged, or if the folder is not that of a run.
    """
    paths = checkpoints(folder.checkpoints)
    unusable: dict[Path, str] = {}
    for path in paths:
        try:
            tensors, about = checkpoint_files.read(path)
        except UserError as problem:
            unusable[path] = str(problem)
            warn(unusable[path])
            continue
        _refuse_changed_config(about["config"], selection)
        try:
            restore(trainer, tensors, about)
        except UserError as problem:
            unusable[path] = f"{path} does not fit this run: {problem}"
            warn(unusable[path])
            continue
        if unusable:
            warn(f"continuing from the checkpoint before it, {path.name}")
        if trainer.train_step.processes.is_first:
            mark_damaged(unusable)
        config: Mapping[str, Any] = about["config"]
        return config
    if paths:
        raise UserError(
            f"all checkpoints in {folder.checkpoints} are damaged or do not fit ({unusable[paths[0]]}): "
            "remove them to start again, or choose another --out"
        )
    _refuse_to_overwrite(folder, selection)
    return {}


def _refuse_to_overwrite(folder: RunFolder, selection: Selection) -> None:
    """Raise :class:`UserError` unless the folder is empty, or that of this run, stopped before its first checkpoint."""
    if folder.model.exists():
        raise UserError(f"{folder.path} contains a model, but no checkpoint to continue from: choose another --out")
    if folder.config.exists():
        try:
            config = json.loads(read_file(folder.config, MAX_DOCUMENT_BYTES))
        except (OSError, ValueError, RecursionError) as problem:
            raise UserError(f"{folder.config} is not the config of a run: choose another --out") from problem
        if not is_run_config(config):
            raise UserError(f"{folder.config} is not the config of a ganzoo run: choose another --out")
        refuse_other_format(config.get("format"), str(folder.config))
        _refuse_changed_config(training_identity(config), selection)


def _refuse_changed_config(original: Mapping[str, Any], selection: Selection) -> None:
    parts = with_later_options(with_optional_parts(original["parts"], selection.recipe.slots), selection.parts)
    refuse_changed_config(training_identity({**original, "parts": parts}), training_identity(selection.to_json()))
