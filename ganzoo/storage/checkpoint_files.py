"""Checkpoint files of a run: which there are, which are kept, and what is in one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.storage.files import make_folder
from ganzoo.storage.resume_compatibility import laid_out
from ganzoo.storage.sealed import read_sealed, write_sealed
from ganzoo.text import one_line

KEY = "ganzoo-checkpoint"
_NAME = re.compile(r"step-(\d{8})\.safetensors")


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in ``folder``, newest first."""
    return sorted((path for path in folder.glob("step-*.safetensors") if _NAME.fullmatch(path.name)), reverse=True)


def step_of(path: Path) -> int:
    """Return how many steps a checkpoint was made after."""
    return int(path.stem.removeprefix("step-"))


def at_intervals(found: Sequence[Path], every: int) -> list[Path]:
    """Return those of some checkpoints that were made at an interval, whether or not the run was ever stopped."""
    return [path for path in found if every and step_of(path) % every == 0]


def newest_checkpoint_told(folder: Path) -> str:
    """Return which checkpoint in ``folder`` a run can go on from, as a clause of a sentence."""
    found = checkpoints(folder)
    return f"the save of step {step_of(found[0])} stands" if found else "no step is saved yet"


def write(folder: Path, step: int, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Path:
    """Write the checkpoint of ``step`` into ``folder``, and return its path."""
    make_folder(folder)
    path = folder / f"step-{step:08d}.safetensors"
    write_sealed(path, tensors, KEY, about)
    return path


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a checkpoint and its description; raises :class:`UserError` where damaged."""
    tensors, about = read_sealed(path, KEY, "checkpoint")
    if not laid_out(about.get("config")):
        raise UserError(f"{path} is damaged: it does not say what the run was begun with")
    if path.name != f"step-{one_line(about.get('step')):0>8}.safetensors":
        raise UserError(f"{path} is of step {one_line(about.get('step'))}, not of the one that its name says")
    return tensors, about


def remove_old(folder: Path, keep: int, every: int, best: int | None) -> None:
    """Remove all but the newest ``keep`` checkpoints, the newest made at an interval, and that of the ``best`` step."""
    found = checkpoints(folder)
    kept = {*found[:keep], *at_intervals(found, every)[:1]}
    for old in found:
        if old not in kept and step_of(old) != best:
            with suppress(OSError):  # what cannot be removed is no reason to fail: the new checkpoint is there
                old.unlink()


def set_aside(useless: Iterable[Path]) -> None:
    """Rename checkpoints that cannot be used: they would be kept in the place of newer ones that can."""
    for path in useless:
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
