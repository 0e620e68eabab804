"""A GAN as named networks and phases: each phase trains some networks while the others stay frozen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

from torch import Tensor, nn

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.step_context import StepContext
from ganzoo.randomness import Draws

Batch = Mapping[str, Mapping[str, Tensor]]
"""One batch: for each dataset slot, its fields by name; images already float32 in [-1, 1]."""


class Generated(NamedTuple):
    """Examples (B, …) that a phase made, and the conditions (B, …) that they were made for."""

    values: Tensor
    condition: Tensor | None = None


@dataclass(frozen=True)
class PhaseOutput:
    """What a phase found: ``terms`` are scalars that add up to its loss, ``values`` are scalars only to watch.

    ``generated`` are the examples of the recipe's output that it was about; a generator that makes one thing again and
    again is told by them.
    """

    terms: Mapping[str, Tensor]
    values: Mapping[str, Tensor] = field(default_factory=dict)
    generated: Generated | None = None

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
    loss: Callable[[Batch, StepContext], PhaseOutput]
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

    def before_step(self, context: StepContext) -> None:
        """Change the networks as time goes by (progressive growing does); nothing by default."""

    @property
    def output_field(self) -> Field:
        """The field that :meth:`sample` makes."""
        return self.data[self.output.slot].fields[self.output.field]

    @property
    def condition_field(self) -> Field | None:
        """The field that :meth:`sample` takes, or ``None``."""
        return self.data[self.condition.slot].fields[self.condition.field] if self.condition else None
