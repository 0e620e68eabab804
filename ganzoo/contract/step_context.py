"""What a phase knows about the step that it is part of."""

from __future__ import annotations

from typing import final

import torch

from ganzoo.randomness import WHOLE, Draws, Share, Streams


class NotReplayable(Exception):
    """Raised where a step that is to be replayed asks for its number: it would be that number for ever."""


@final
class StepContext:
    """What a phase knows about its step: ``step`` (from 0) of ``steps``, its ``update`` in the step, and its draws.

    ``share`` is the part of the batch that it is given. In a step that is recorded once and replayed, asking for the
    number of the ``step`` raises :class:`NotReplayable`.
    """

    def __init__(
        self,
        step: int,
        steps: int,
        phase: str,
        update: int,
        streams: Streams,
        share: Share = WHOLE,
        recorded: bool = False,
    ):
        self.steps, self.phase, self.update = steps, phase, update
        self.share = share
        self._step, self._streams, self._recorded = step, streams, recorded

    @property
    def step(self) -> int:
        """The number of the step, from 0."""
        if self._recorded:
            raise NotReplayable(f"phase {self.phase!r} asks for the number of the step")
        return self._step

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self._streams.device

    def draws(self, stream: str) -> Draws:
        """Return the numbers of ``stream``, which depend on seed, phase, update and step alone."""
        return self._streams.at(f"{self.phase}/{self.update}/{stream}", self.share)
