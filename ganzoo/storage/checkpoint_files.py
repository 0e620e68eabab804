"""The checkpoint files of a run: their names, their content, and which of them are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.storage.files import make_folder
from ganzoo.storage.resume_compatibility import is_run_config
from ganzoo.storage.sealed import read_sealed, write_sealed
from ganzoo.text import one_line

KEY = "ganzoo-checkpoint"
_NAME = re.compile(r"step-(\d{8})\.safetensors")


def checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in ``folder``, newest first."""
    return sorted((path for path in folder.glob("step-*.safetensors") if _NAME.fullmatch(path.name)), reverse=True)


def step_of(path: Path) -> int:
    """Return the step of a checkpoint, from the name of its file.

    >>> step_of(Path("checkpoints/step-00000500.safetensors"))
    500
    """
    return int(path.stem.removeprefix("step-"))


def interval_checkpoints(paths: Sequence[Path], every: int) -> list[Path]:
    """Return the checkpoints among ``paths`` of a step that is a multiple of ``every``.

    They are the same whether or not the run was ever stopped in between.
    """
    return [path for path in paths if every and step_of(path) % every == 0]


def describe_newest_checkpoint(folder: Path) -> str:
    """Return which checkpoint in ``folder`` a run can continue from, as a clause of a sentence."""
    paths = checkpoints(folder)
    return f"the newest checkpoint is that of step {step_of(paths[0])}" if paths else "there is no checkpoint yet"


def write(folder: Path, step: int, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> Path:
    """Write the checkpoint of ``step`` into ``folder``, and return its path."""
    make_folder(folder)
    path = folder / f"step-{step:08d}.safetensors"
    write_sealed(path, tensors, KEY, about)
    return path


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a checkpoint and its description; raises :class:`UserError` if it is damaged."""
    tensors, about = read_sealed(path, KEY, "checkpoint")
    if not is_run_config(about.get("config")):
        raise UserError(f"{path} is damaged: it does not contain the run's configuration")
    if path.name != f"step-{one_line(about.get('step')):0>8}.safetensors":
        raise UserError(f"{path} contains step {one_line(about.get('step'))}, not the step in its name")
    return tensors, about


def remove_old(folder: Path, keep: int, every: int, best: int | None) -> None:
    """Remove all but the newest ``keep`` checkpoints, the newest interval checkpoint, and that of the ``best`` step."""
    paths = checkpoints(folder)
    kept = {*paths[:keep], *interval_checkpoints(paths, every)[:1]}
    for path in paths:
        if path not in kept and step_of(path) != best:
            with suppress(OSError):  # an old file that stays does no harm
                path.unlink()


def mark_damaged(paths: Iterable[Path]) -> None:
    """Rename checkpoints that cannot be used to ``.damaged``, so that they do not count among the newest ones."""
    for path in paths:
        with suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
