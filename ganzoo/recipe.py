"""A GAN as a game: named networks, and phases that train some of them while the others stand still."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol, final

import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.randomness import WHOLE, Draws, Share, Streams

Batch = Mapping[str, Mapping[str, Tensor]]
"""One batch: for each dataset slot, its fields by name; images already float32 in [-1, 1]."""


class Timeless(Exception):
    """Raised where a step that is to be replayed asks what the time is: it would be that time for ever."""


@final
class Clock:
    """What a phase knows about time: ``step`` (from 0) of ``steps``, its ``update`` in the step, and its noise.

    ``share`` is the part of the batch that it is given.

    A clock that stands is that of a step which is recorded once and replayed; its ``step`` raises :class:`Timeless`.
    """

    def __init__(
        self,
        step: int,
        steps: int,
        phase: str,
        update: int,
        streams: Streams,
        share: Share = WHOLE,
        stands: bool = False,
    ):
        self.steps, self.phase, self.update = steps, phase, update
        self.share = share
        self._step, self._streams, self._stands = step, streams, stands

    @property
    def step(self) -> int:
        """The number of the step, from 0."""
        if self._stands:
            raise Timeless(f"phase {self.phase!r} asks for the number of the step")
        return self._step

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self._streams.device

    def draws(self, stream: str) -> Draws:
        """Return the numbers of ``stream``, which depend on seed, phase, update and step alone."""
        return self._streams.at(f"{self.phase}/{self.update}/{stream}", self.share)


class Made(NamedTuple):
    """Examples (B, …) that a phase made, and the conditions (B, …) that they were made for."""

    values: Tensor
    condition: Tensor | None = None


@dataclass(frozen=True)
class Outcome:
    """What a phase found: ``terms`` are scalars that add up to its loss, ``values`` are scalars only to watch.

    ``made`` are the examples of the recipe's output that it was about; a generator that makes one thing again and
    again is told by them.
    """

    terms: Mapping[str, Tensor]
    values: Mapping[str, Tensor] = field(default_factory=dict)
    made: Made | None = None

    def total(self) -> Tensor:
        """Return the loss that the terms add up to; raises ``ValueError`` where there are none, or one is no scalar."""
        if not self.terms:
            raise ValueError("it returns no terms, and so no loss")
        for kind, numbers in (("term", self.terms), ("value", self.values)):
            for name, number in numbers.items():
                if not isinstance(number, Tensor):
                    raise ValueError(f"{kind} {name!r} is of type {type(number).__name__} and must be a tensor")
                if number.dim():
                    shape = tuple(number.shape)
                    raise ValueError(f"{kind} {name!r} has shape {shape} and must be a scalar: take its mean")
        first, *others = (term.float() for term in self.terms.values())
        return sum(others, start=first)


@dataclass(frozen=True)
class Phase:
    """One move of the game: ``trains`` names the recipe's networks that move; the others are frozen.

    It makes ``updates`` updates every ``every`` steps, all on the step's batch, or each on a batch of its own
    where ``fresh_data`` is set.
    """

    name: str
    trains: tuple[str, ...]
    loss: Callable[[Batch, Clock], Outcome]
    updates: int = 1
    every: int = 1
    fresh_data: bool = False


class FieldRef(NamedTuple):
    """A field of the data, by dataset slot and name."""

    slot: str
    field: str


class Parts(Protocol):
    """What a recipe builds its parts with."""

    def build(self, slot: str, **context: Any) -> Any:
        """Return the part in ``slot``, built from its options and ``context``."""

    def conditioned(self, slot: str) -> bool:
        """Return whether the network in ``slot`` has a conditioner other than the null one."""

    def network(self, slot: str, condition: Field | None = None, **shapes: Any) -> Any:
        """Return the network in ``slot`` with its conditioners in place and its weights initialised."""


class Recipe(nn.Module, ABC):
    """A game of phases, built as ``target(config, parts, data)``; it returns terms, and never steps or reads values.

    ``averaged`` names the networks of which the trainer keeps a moving average; ``output`` is the field that
    :meth:`sample` makes and ``condition`` the one that it takes. ``replayable`` declares that the Python of a phase
    does the same at every step, so that its operations can be recorded once and replayed.
    """

    averaged: ClassVar[tuple[str, ...]] = ()
    replayable: ClassVar[bool] = False
    output: FieldRef
    condition: FieldRef | None = None

    def __init__(self, data: Mapping[str, DataSpec]):
        super().__init__()
        self.data = dict(data)

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of one step, in order."""

    @abstractmethod
    def sample(self, count: int, condition: Tensor | None, draws: Draws) -> Tensor:
        """Return ``count`` examples of ``output`` for ``condition`` (count, …); ``draws`` are on the CPU."""

    def before_step(self, clock: Clock) -> None:
        """Change the networks as time goes by (progressive growing does); nothing by default."""

    @property
    def output_field(self) -> Field:
        """The field that :meth:`sample` makes."""
        return self.data[self.output.slot].fields[self.output.field]

    @property
    def condition_field(self) -> Field | None:
        """The field that :meth:`sample` takes, or ``None``."""
        return self.data[self.condition.slot].fields[self.condition.field] if self.condition else None
