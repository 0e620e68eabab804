"""The folder of one training run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.engine.files import write_whole
from ganzoo.errors import UserError


class RunFolder:
    """Where one run keeps its model, configuration, metrics and pictures."""

    def __init__(self, path: Path):
        self.path = path
        self.model = path / "model.safetensors"
        self.config = path / "config.json"
        self.metrics = path / "metrics.jsonl"
        self.samples = path / "samples"
        self.animation = path / "samples.gif"
        self.curves = path / "curves.png"
        self.events = path / "tensorboard"

    @staticmethod
    def choose(asked: Path | None, variant: str) -> RunFolder:
        """Return the folder for a new run, without making it; raises :class:`UserError` where it cannot be.

        Without ``asked`` it is ``runs/VARIANT``, with a number behind where that is taken.
        """
        folder = RunFolder(asked if asked is not None else _free(Path("runs"), variant))
        folder._refuse_if_unusable()
        return folder

    def create(self, config: Mapping[str, Any]) -> None:
        """Make the folder and write what was chosen."""
        try:
            self.samples.mkdir(parents=True, exist_ok=True)
            write_whole(self.config, (json.dumps(config, indent=2) + "\n").encode())
        except OSError as problem:
            raise UserError(
                f"the run folder {self.path} cannot be written: {problem.strerror}; choose another --out"
            ) from problem

    def _refuse_if_unusable(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UserError(f"the run folder {self.path} is a file: choose another --out")
        if self.path.is_dir() and any(self.path.iterdir()):
            raise UserError(f"the run folder {self.path} is not empty: choose another --out, or remove it first")
        nearest = next(folder for folder in (self.path, *self.path.absolute().parents) if folder.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            raise UserError(
                f"the run folder {self.path} cannot be made: {nearest} is not writable; choose another --out"
            )


def _free(parent: Path, name: str) -> Path:
    number, path = 1, parent / name
    while path.exists():
        number += 1
        path = parent / f"{name}-{number}"
    return path
