"""Saves that a training goes on from as if it had never stopped, each one sealed file."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from ganzoo.catalogue.formats import refuse_other_format
from ganzoo.catalogue.selection import Selection
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.finite import first_non_finite
from ganzoo.storage.files import DOCUMENT, make_folder, read_file
from ganzoo.storage.resume_compatibility import identity_of, laid_out, refuse_other_choices
from ganzoo.storage.run_folder import RunFolder
from ganzoo.storage.sealed import read_sealed, write_sealed
from ganzoo.text import legible
from ganzoo.training.state import capture, restore
from ganzoo.training.trainer import Trainer

KEY = "ganzoo-checkpoint"
_NAME = re.compile(r"step-(\d{8})\.safetensors")


def write_checkpoint(folder: Path, trainer: Trainer, selection: Selection, best: int | None = None) -> Path:
    """Write the trainer's state into ``folder``, and take away saves that the run's settings do not ask to keep.

    That of the ``best`` step stays, so that one can train on from there.
    """
    make_folder(folder)
    path = folder / f"step-{trainer.step:08d}.safetensors"
    tensors, numbers = capture(trainer)
    # What is only watched may be infinite.
    refuse_non_finite({name: value for name, value in tensors.items() if not name.startswith("tally/")}, trainer.step)
    write_sealed(path, tensors, KEY, {"config": identity_of(selection.to_json()), **numbers})
    found = checkpoints(folder)
    kept = {*found[: selection.run.keep_checkpoints], *regular(found, selection.run.checkpoint_every)[:1]}
    for old in found:
        if old not in kept and step_of(old) != best:
            with suppress(OSError):  # what cannot be removed is no reason to fail: the new save is there
                old.unlink()
    return path


def regular(found: Sequence[Path], every: int) -> list[Path]:
    """Return those of some checkpoints that were made at an interval, whether or not the run was ever stopped."""
    return [path for path in found if every and step_of(path) % every == 0]


def step_of(path: Path) -> int:
    """Return how many steps a checkpoint was made after."""
    return int(path.stem.removeprefix("step-"))


def what_stands(folder: Path) -> str:
    """Return which save in ``folder`` a run can go on from, as a clause of a sentence."""
    found = checkpoints(folder)
    return f"the save of step {step_of(found[0])} stands" if found else "no step is saved yet"


def go_back(folder: Path, trainer: Trainer, every: int) -> int:
    """Bring networks, averages and optimizers to the newest save made at an interval, and return its step.

    Where there is none, as in a run that was begun without roll-back, it is the newest of all.
    The number of the step, the seconds and what was counted stay. Raises :class:`TrainingFailed` where there is none.
    """
    step, seconds, game = trainer.step, trainer.seconds, trainer.game
    sums, counts, history = dict(game.tally.sums), Counter(game.tally.counts), trainer.remedies.state()
    found = checkpoints(folder)
    for path in dict.fromkeys((*regular(found, every), *found)):
        try:
            restore(trainer, *_read(path))
        except UserError:
            continue
        saved, trainer.step, trainer.seconds = trainer.step, step, seconds
        game.tally.restore(sums, counts)
        trainer.remedies.restore(history)
        trainer.execution.begin_anew()
        return saved
    raise TrainingFailed(f"there is no save in {folder} to go back to from step {step}")


def refuse_non_finite(tensors: Mapping[str, Tensor], step: int) -> None:
    """Raise :class:`TrainingFailed` rather than save what nobody could go on from."""
    if broken := first_non_finite(tensors):
        raise TrainingFailed(
            f"{broken} is not finite after step {step}, and is not saved: lower the learning rates, or choose another "
            "loss or penalty; saves made before stand"
        )


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in ``folder``, newest first."""
    return sorted((path for path in folder.glob("step-*.safetensors") if _NAME.fullmatch(path.name)), reverse=True)


def resume(folder: RunFolder, trainer: Trainer, selection: Selection, warn: Callable[[str], None]) -> None:
    """Bring ``trainer`` to the newest valid checkpoint of a run; where the run has not come to one yet, change nothing.

    A damaged file is told through ``warn`` and the one before it is taken. Raises :class:`UserError` where the run was
    begun with other choices, where all of its saves are damaged, or where the folder holds something else.
    """
    found = checkpoints(folder.checkpoints)
    useless: dict[Path, str] = {}
    for path in found:
        try:
            tensors, about = _read(path)
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
        if trainer.game.team.leads:
            _set_aside(useless)
        return
    if found:
        raise UserError(
            f"all saves in {folder.checkpoints} are damaged or do not fit ({useless[found[0]]}): "
            "remove them to begin anew, or choose another --out"
        )
    _refuse_to_overwrite(folder, selection)


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, about = read_sealed(path, KEY, "checkpoint")
    if not laid_out(about.get("config")):
        raise UserError(f"{path} is damaged: it does not say what the run was begun with")
    if path.name != f"step-{legible(about.get('step')):0>8}.safetensors":
        raise UserError(f"{path} is of step {legible(about.get('step'))}, not of the one that its name says")
    return tensors, about


def _set_aside(useless: Iterable[Path]) -> None:
    """Rename saves that cannot be used: they would be kept in the place of newer ones that can."""
    for path in useless:
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged"))


def _refuse_to_overwrite(folder: RunFolder, selection: Selection) -> None:
    """Let a run begin in its own folder where it was stopped before its first save, and nowhere else."""
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
