"""Graceful stops: the first signal ends the training after its step, a second SIGINT ends it immediately."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

from ganzoo.errors import Interrupted
from ganzoo.signals import answered


@final
class Stop:
    """Whether the training should stop, and because of which signal."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def requested(self) -> bool:
        """Whether to end after the current step."""
        return self.signal is not None

    @contextmanager
    def listening(self) -> Iterator[Stop]:
        """In the block, record signals instead of being interrupted by them; works in the main thread only."""
        with answered(self._note):
            yield self

    def _note(self, number: int) -> None:
        if self.requested and number == signal.SIGINT:
            raise Interrupted(number)
        self.signal = number
