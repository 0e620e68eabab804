"""Observers that act on a training from within."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from typing import final

from ganzoo.training.observers import Observer
from ganzoo.training.trainer import Trainer


@final
class StopAt(Observer):
    """Sends a signal to its own process after a step."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGINT):
        self.step, self.number = step, number

    def stepped(self, step: int) -> None:
        """Send the signal where the step has come."""
        if step == self.step:
            signal.raise_signal(self.number)


@final
class At(Observer):
    """Calls a function after a step, with the last of ``trainers``."""

    def __init__(self, calls: Mapping[int, Callable[[Trainer], None]], trainers: Sequence[Trainer]):
        self.calls, self.trainers = calls, trainers

    def stepped(self, step: int) -> None:
        """Call the function of this step, if there is one."""
        if step in self.calls:
            self.calls[step](self.trainers[-1])
