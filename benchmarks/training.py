"""A training as by `ganzoo train`, in turns that can be timed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from common import timed
from rich.console import Console

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed, select
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.run_folder import RunFolder
from ganzoo.training.observers import Observer, TrainingStart
from ganzoo.training.observers.metrics_file import MetricsFile
from ganzoo.training.observers.progress import ProgressDisplay
from ganzoo.training.preview import Preview
from ganzoo.training.setup import build_trainer
from ganzoo.training.stop import Stop
from ganzoo.training.trainer import Intervals, NoCheckpointing

ENDLESS = 10**9  # steps: no schedule moves, and no last step comes


def choose(variant: str, preset: str | None = None, **flags: Any) -> Selection:
    """Return the selection of a variant with the flags of `ganzoo train`, with underscores, for an endless training."""
    return select(installed(), variant, {**flags, "steps": ENDLESS}, preset)


class Training:
    """Trains one turn at a time, with metrics and progress at the usual intervals, without samples and checkpoints."""

    def __init__(self, selection: Selection, terminal: bool = False):
        self.device = choose_device(selection.run.device)
        self.precision = choose_precision(selection.run.precision, self.device)
        with self.precision.set():
            self.trainer = build_trainer(selection, assemble(selection), self.precision, SingleProcess(), _warn)
            self.trainer.prepare()
        self.batch_size = selection.run.batch_size
        train_step = self.trainer.train_step
        self._preview = Preview(train_step.recipe, train_step.batches, selection.run.seed, self.device)
        self._log_every = selection.run.log_every
        self._scratch = tempfile.TemporaryDirectory()
        self.folder = RunFolder(Path(self._scratch.name))
        self._terminal = terminal

    @property
    def manner(self) -> str:
        """How it computes, in words."""
        return f"{self.precision.name}, {self.trainer.execution.name}"

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(parameter.numel() for parameter in self.trainer.train_step.recipe.parameters())

    def turn(self, steps: int) -> float:
        """Return the seconds a step takes, over ``steps`` steps after one that is not measured."""
        start = TrainingStart(self.folder, self.trainer.step, self.trainer.steps, "")
        with self.precision.set(), Path(os.devnull).open("w", encoding="utf-8") as nowhere, ExitStack() as watching:
            console = Console(
                file=nowhere, force_terminal=self._terminal, width=80, _environ={"TERM": "xterm-256color"}
            )
            observers = [MetricsFile(), ProgressDisplay(console)]
            for observer in observers:
                observer.began(start)
                watching.callback(observer.ended)
            self._run(1, observers)
            return timed(lambda: self._run(steps, observers), self.device) / steps

    def _run(self, steps: int, observers: Sequence[Observer]) -> None:
        stop = Stop()
        watchers = [*observers, _Halt(self.trainer.step + steps, stop)]
        intervals = Intervals(self._log_every, ENDLESS, checkpoint_every=0, evaluate_every=0, stop=stop)
        self.trainer.run(watchers, intervals, self._preview, NoCheckpointing())


class _Halt(Observer):
    """Asks for a stop after a step."""

    def __init__(self, last: int, stop: Stop):
        self._last, self._stop = last, stop

    def stepped(self, step: int) -> None:
        """Ask, if it is time."""
        if step >= self._last:
            self._stop.signal = 1


def _warn(text: str) -> None:
    click.echo(text, err=True)
