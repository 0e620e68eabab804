"""The folder of one training run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganzoo.errors import UserError
from ganzoo.storage.files import NotWritten, make_folder, sweep, write_whole
from ganzoo.storage.folder_lock import FolderLock


class RunFolder:
    """Where one run keeps its model, configuration, metrics, pictures and checkpoints."""

    def __init__(self, path: Path):
        self.path = path
        self.model = path / "model.safetensors"
        self.best = path / "best.safetensors"
        self.config = path / "config.json"
        self.metrics = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.animation = path / "samples.gif"
        self.curves = path / "curves.png"
        self.events = path / "tensorboard"
        self.checkpoints = path / "checkpoints"

    @staticmethod
    def choose(asked: Path | None, variant: str, resume: bool = False) -> RunFolder:
        """Return the folder of a run, without making it; raises :class:`UserError` where it cannot be.

        Without ``asked`` it is ``runs/VARIANT``, with a number behind where that is taken; to ``resume``, the newest
        of these.
        """
        usual = Path("runs") / variant
        folder = RunFolder(asked if asked is not None else _newest(usual) if resume else _free(usual))
        folder._refuse_if_unusable(resume)
        return folder

    @contextmanager
    def claimed(self, resume: bool = False) -> Iterator[None]:
        """Make the folder and keep other processes out of it.

        Raises :class:`UserError` where another process has it, naming that process, or where it cannot be written.
        """
        try:
            make_folder(self.samples)
        except OSError as problem:
            raise self._unwritable(problem) from problem
        try:
            claim = FolderLock(self.path)
        except NotWritten:  # of a folder that could be made: that is the disk's fault
            raise
        except OSError as problem:
            raise self._unwritable(problem) from problem
        try:
            self._refuse_if_unusable(resume or not self.config.exists())
            sweep(self.path, self.checkpoints, self.samples)
            yield
        finally:
            claim.release()

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write what was chosen."""
        write_whole(self.config, (json.dumps(config, indent=2) + "\n").encode())

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def _unwritable(self, problem: OSError) -> UserError:
        reason = problem.strerror or problem
        return UserError(f"the run folder {self.path} cannot be written: {reason}; choose another --out")

    def _refuse_if_unusable(self, resume: bool) -> None:
        try:
            self._look(resume)
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(f"the run folder cannot be made: {reason}; choose another --out") from problem

    def _look(self, resume: bool) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"the run folder {self.path} is a file: choose another --out")
        if not resume and self.path.is_dir() and any(self.path.iterdir()):
            raise UserError(
                f"the run folder {self.path} is not empty: choose another --out, remove it first, "
                "or go on with that run with --resume"
            )
        nearest = next(folder for folder in (self.path, *self.path.absolute().parents) if folder.exists())
        if not nearest.is_dir():
            raise UserError(f"the run folder {self.path} cannot be made: {nearest} is a file; choose another --out")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise UserError(
                f"the run folder {self.path} cannot be made: {nearest} is not writable; choose another --out"
            )


def _free(usual: Path) -> Path:
    number, path = 1, usual
    while path.exists():
        number += 1
        path = usual.with_name(f"{usual.name}-{number}")
    return path


def _newest(usual: Path) -> Path:
    """The folder of the newest run of a variant, or where its first would be."""
    numbered = re.compile(rf"{re.escape(usual.name)}(-\d+)?")
    named = (RunFolder(path) for path in usual.parent.glob(f"{usual.name}*") if numbered.fullmatch(path.name))
    runs = [run for run in named if run.config.is_file()]
    return max(runs, key=lambda run: run.config.stat().st_mtime).path if runs else usual
