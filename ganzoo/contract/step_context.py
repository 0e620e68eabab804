"""What a phase can ask about the step that it is part of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.randomness import WHOLE, Draws, Share, Streams


class NotReplayable(Exception):
    """A step that is being recorded needs its number; every replay would repeat that same number."""


@final
class StepContext:
    """The context of a phase: ``step`` (from 0) of ``steps``, its ``update`` (from 0) in the step, and random numbers.

    ``share`` is the part of the batch that the phase receives. In a step that is recorded once and replayed, reading
    ``step`` raises :class:`NotReplayable`.

    >>> from ganzoo.randomness import KeyedStreams
    >>> context = StepContext(7, 100, "generator", 0, KeyedStreams(seed=0))
    >>> noise = context.draws("noise").normal(64, 100)
    >>> noise.shape, context.step
    (torch.Size([64, 100]), 7)
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
        handed: dict[str, Tensor] | None = None,
    ):
        self.steps, self.phase, self.update = steps, phase, update
        self.share, self._handed = share, {} if handed is None else handed
        self._step, self._streams, self._recorded = step, streams, recorded

    @property
    def step(self) -> int:
        """The number of the step, from 0; raises :class:`NotReplayable` while a step is recorded."""
        if self._recorded:
            raise NotReplayable(f"phase {self.phase!r} needs the number of the step")
        return self._step

    def handed(self, name: str) -> Tensor | None:
        """Return the tensor (B, …) that an earlier phase of this step handed on in its update of the same number.

        ``None`` if there was none, as that phase was not due, or makes fewer updates.
        """
        return self._handed.get(name)

    def receive(self, handed: Mapping[str, Tensor]) -> None:
        """Keep what a phase hands on, detached, for later phases of the step."""
        self._handed.update({name: value.detach() for name, value in handed.items()})

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self._streams.device

    def draws(self, stream: str) -> Draws:
        """Return random numbers of ``stream``, which depend on seed, phase, update and step alone."""
        return self._streams.at(f"{self.phase}/{self.update}/{stream}", self.share)
