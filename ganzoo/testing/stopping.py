"""Stopping a training from within."""

from __future__ import annotations

import signal

from ganzoo.training.observers import Observer


class StopAt(Observer):
    """Sends a signal after some step."""

    def __init__(self, step: int, number: signal.Signals = signal.SIGINT):
        self.step, self.number = step, number

    def stepped(self, step: int) -> None:
        if step == self.step:
            signal.raise_signal(self.number)
