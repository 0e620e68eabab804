"""A GAN as a game: named networks, and phases that train some of them while the others stand still."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.randomness import Streams

Batch = Mapping[str, Mapping[str, Tensor]]
"""One batch: for each dataset slot, its fields by name; images already float32 in [-1, 1]."""


@dataclass(frozen=True)
class Clock:
    """What a phase knows about time: ``step`` (from 0) of ``steps``, its ``update`` in the step, and its noise."""

    step: int
    steps: int
    phase: str
    update: int
    streams: Streams

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self.streams.device

    def rng(self, stream: str) -> torch.Generator | None:
        """Return a generator for ``stream`` that depends on seed, phase, update and step alone."""
        return self.streams.at(f"{self.phase}/{self.update}/{stream}", self.step)


@dataclass(frozen=True)
class Outcome:
    """What a phase found: ``terms`` are scalars that add up to its loss, ``values`` are scalars only to watch."""

    terms: Mapping[str, Tensor]
    values: Mapping[str, Tensor] = field(default_factory=dict)

    def total(self) -> Tensor:
        """Return the loss that the terms add up to, a scalar; raises ``ValueError`` where they are none."""
        for name, term in self.terms.items():
            if term.dim():
                raise ValueError(f"term {name!r} has shape {tuple(term.shape)} and must be a scalar: take its mean")
        return torch.stack([term.float() for term in self.terms.values()]).sum()


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
    :meth:`sample` makes and ``condition`` the one that it takes.
    """

    averaged: ClassVar[tuple[str, ...]] = ()
    output: FieldRef
    condition: FieldRef | None = None

    def __init__(self, data: Mapping[str, DataSpec]):
        super().__init__()
        self.data = dict(data)

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of one step, in order."""

    @abstractmethod
    def sample(self, count: int, condition: Tensor | None, rng: torch.Generator | None) -> Tensor:
        """Return ``count`` examples of ``output`` for ``condition`` (count, …); ``rng`` is on the CPU."""

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
