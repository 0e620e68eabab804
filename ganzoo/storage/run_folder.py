"""The folder of one training run."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ganzoo.catalogue.discovery import LOCAL
from ganzoo.errors import UserError
from ganzoo.paths import user_path
from ganzoo.storage.files import (
    MAX_DOCUMENT_BYTES,
    WriteFailed,
    make_folder,
    read_file,
    remove_leftovers,
    write_atomically,
)
from ganzoo.storage.folder_lock import FolderLock
from ganzoo.storage.resume_compatibility import is_run_config
from ganzoo.storage.run_files import CONFIG, SAMPLES


class RunFolder:
    """The paths of a run's model, configuration, metrics, pictures, report and checkpoints."""

    def __init__(self, path: Path):
        self.path = path
        self.model = path / "model.safetensors"
        self.best = path / "best.safetensors"
        self.config = path / CONFIG
        self.metrics = path / "metrics.jsonl"
        self.samples = path / SAMPLES
        self.animation = path / "samples.gif"
        self.curves = path / "curves.png"
        self.report = path / "report.html"
        self.events = path / "tensorboard"
        self.checkpoints = path / "checkpoints"

    @staticmethod
    def choose(requested: Path | None, variant: str, resume: bool = False) -> RunFolder:
        """Return the folder of a run, without making it; raises :class:`UserError` if it cannot be used.

        Without ``requested`` it is ``runs/VARIANT``, or ``runs/VARIANT-2`` and so on if that exists; to ``resume``, the
        newest of these.
        """
        default = Path("runs") / variant
        folder = RunFolder(requested if requested is not None else _newest(default) if resume else _unused(default))
        folder._refuse_if_unusable(resume)
        return folder

    @staticmethod
    def of_config(config: str | Path) -> Path | None:
        """Return the run folder whose ``config.json`` this is, or ``None`` if it is another file."""
        path = user_path(config)
        folder = RunFolder(path.parent)
        return folder.path if path.name == folder.config.name and folder.samples.is_dir() else None

    @staticmethod
    def choices_to_resume(requested: Path | None, variant: str) -> Mapping[str, Any]:
        """Return the ``config.json`` of the run of ``variant`` that is to be resumed, or nothing if there is none.

        ``requested`` is as for :meth:`choose`. A file that is not the config of such a run is left to later checks.
        Classes and objects of a program bring their options with them, such as the number of their examples.
        """
        path = RunFolder(requested if requested is not None else _newest(Path("runs") / variant)).config
        try:
            config = json.loads(read_file(path, MAX_DOCUMENT_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not is_run_config(config) or config.get("variant") != variant:
            return {}
        own = {slot: part for slot, part in config["parts"].items() if part.get("package") == LOCAL}
        without = {slot: {**part, "config": {}} for slot, part in own.items() if "file" not in part}
        return {**config, "parts": {**config["parts"], **without}}

    @contextmanager
    def locked(self, resume: bool = False) -> Iterator[None]:
        """In the block, keep other processes out of the folder, which is made if necessary.

        Raises :class:`UserError` if another process has it, naming that process, or if it cannot be written.
        """
        try:
            make_folder(self.samples)
        except OSError as problem:
            raise self._unwritable(problem) from problem
        try:
            lock = FolderLock(self.path)
        except WriteFailed:  # the folder could be made, so the disk is full or broken: another --out would not help
            raise
        except OSError as problem:
            raise self._unwritable(problem) from problem
        try:
            self._refuse_if_unusable(resume or not self.config.exists())
            remove_leftovers(self.path, self.checkpoints, self.samples)
            yield
        finally:
            lock.release()

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Write ``config.json``."""
        write_atomically(self.config, (json.dumps(config, indent=2) + "\n").encode())

    def picture(self, step: int) -> Path:
        """Return the path of the picture of samples of one step."""
        return self.samples / f"step-{step:08d}.png"

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    def _unwritable(self, problem: OSError) -> UserError:
        reason = problem.strerror or problem
        return UserError(f"the run folder {self.path} cannot be written: {reason}; choose another --out")

    def _refuse_if_unusable(self, resume: bool) -> None:
        try:
            self._check(resume)
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(f"the run folder cannot be made: {reason}; choose another --out") from problem

    def _check(self, resume: bool) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"the run folder {self.path} is a file: choose another --out")
        if not resume and self.path.is_dir() and any(self.path.iterdir()):
            resuming = "; or continue that run with --resume" if self.config.exists() else ""
            raise UserError(
                f"the run folder {self.path} is not empty: choose another --out, or remove it first{resuming}"
            )
        nearest = next(folder for folder in (self.path, *self.path.absolute().parents) if folder.exists())
        if not nearest.is_dir():
            raise UserError(f"the run folder {self.path} cannot be made: {nearest} is a file; choose another --out")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise UserError(
                f"the run folder {self.path} cannot be made: {nearest} is not writable; choose another --out"
            )


def _unused(default: Path) -> Path:
    number, path = 1, default
    while path.exists():
        number += 1
        path = default.with_name(f"{default.name}-{number}")
    return path


def _newest(default: Path) -> Path:
    """Return the folder of the newest run of a variant, or ``default`` if there is none."""
    numbered = re.compile(rf"{re.escape(default.name)}(-\d+)?")
    folders = (RunFolder(path) for path in default.parent.glob(f"{default.name}*") if numbered.fullmatch(path.name))
    runs = [run for run in folders if run.config.is_file()]
    return max(runs, key=lambda run: run.config.stat().st_mtime).path if runs else default
