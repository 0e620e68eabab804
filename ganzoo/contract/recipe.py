"""Recipes: a GAN as named networks and phases, each of which trains some networks while the others are frozen."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol, Self

import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.several import refuse_text
from ganzoo.contract.field_values import values_of
from ganzoo.contract.packs import Packed
from ganzoo.contract.sampling import SampleRequest
from ganzoo.contract.step_context import StepContext

Batch = Mapping[str, Mapping[str, Tensor]]
"""One batch: for each dataset slot, its fields (B, …) by name; images are float32 in [-1, 1]."""


class Generated(NamedTuple):
    """Examples (B, …) that a phase generated, and their conditions (B, …)."""

    values: Tensor
    condition: Tensor | None = None


@dataclass(frozen=True)
class PhaseOutput:
    """The output of a phase: the scalar ``terms`` add up to its loss; the scalar ``values`` are only reported.

    ``generated`` are the examples that the phase generated, if any; mode collapse is detected in them. ``handed`` are
    tensors for later phases of the same step (:meth:`StepContext.handed`); they arrive there detached.

    >>> output = PhaseOutput({"adversarial": torch.tensor(0.7), "r1": torch.tensor(0.1)})
    >>> round(float(output.total()), 6)
    0.8
    """

    terms: Mapping[str, Tensor]
    values: Mapping[str, Tensor] = field(default_factory=dict)
    generated: Generated | None = None
    handed: Mapping[str, Tensor] = field(default_factory=dict)

    def total(self) -> Tensor:
        """Return the sum of the terms, float32; raises ``ValueError`` if there are none, or if one is not a scalar."""
        if not self.terms:
            raise ValueError("it returns no terms, and therefore no loss")
        for kind, numbers in (("term", self.terms), ("value", self.values)):
            for name, number in numbers.items():
                if not isinstance(number, Tensor):
                    raise ValueError(f"{kind} {name!r} is of type {type(number).__name__} and must be a tensor")
                if number.dim():
                    shape = tuple(number.shape)
                    raise ValueError(f"{kind} {name!r} has shape {shape} and must be a scalar: take its mean")
        if twice := self.terms.keys() & self.values.keys():
            raise ValueError(f"{min(twice)!r} is both a term and a value: give them different names")
        first, *others = (term.float() for term in self.terms.values())
        return sum(others, start=first)

    def numbers(self) -> Tensor:
        """Return all terms and values in one vector (T,), float32, without gradients."""
        numbers = [*self.terms.values(), *self.values.values()]
        return torch.stack([number.detach().float() for number in numbers])


@dataclass(frozen=True)
class Phase:
    """One part of a training step: ``trains`` names the networks that it updates; the others are frozen.

    A name may be that of a submodule, such as ``generator.mapping``. ``loss`` maps a batch and a context to a
    :class:`PhaseOutput`. The phase makes ``updates`` updates every ``every`` steps: all on the step's batch, or each on
    its own batch if ``fresh_data`` is set. It is due from step ``first`` (from 0) until before step ``last``, or to the
    end of the training. ``optimizer`` names another phase whose optimizer and schedule it shares; without it, the phase
    has its own.
    """

    name: str
    trains: tuple[str, ...]
    loss: Callable[[Batch, StepContext], PhaseOutput]
    updates: int = 1
    every: int = 1
    fresh_data: bool = False
    first: int = 0
    last: int | None = None
    optimizer: str = ""

    def __post_init__(self) -> None:
        refuse_text(f"trains of phase {self.name!r}", self.trains)

    def in_window(self, step: int) -> bool:
        """Return whether ``step`` (from 0) is in the phase's window of the training."""
        return self.first <= step and (self.last is None or step < self.last)

    def due(self, step: int) -> bool:
        """Return whether the phase is due at ``step`` (from 0).

        >>> pretraining = Phase("pretraining", ("generator",), loss=..., every=2, last=5)
        >>> [step for step in range(10) if pretraining.due(step)]
        [0, 2, 4]
        """
        return self.in_window(step) and (step - self.first) % self.every == 0


class FieldRef(NamedTuple):
    """A field of the data, by dataset slot and name."""

    slot: str
    field: str


class Output(NamedTuple):
    """What a recipe generates: the field of the examples, and the field that it takes as the condition, if any."""

    values: FieldRef
    condition: FieldRef | None = None


class Parts(Protocol):
    """Builds the parts that the user selected for a recipe's slots."""

    def build(self, slot: str, **context: Any) -> Any:
        """Return the part in ``slot``, built as ``target(config, **context)``."""

    def build_all(self, slot: str, **context: Any) -> list[Any]:
        """Return the parts in a slot that may hold several, each built as ``target(config, **context)``."""

    def conditioned(self, slot: str) -> bool:
        """Return whether the network in ``slot`` has a conditioner other than the null one.

        A conditioner of the noise counts only if it declares that it needs a condition too.
        """

    def network(self, slot: str, condition: Field | None = None, **shapes: Any) -> Any:
        """Return the network in ``slot`` with its conditioners and with initialised weights.

        ``condition`` is the field of the conditions; ``shapes`` are the shape arguments of the network's target.
        """


class Recipe(Packed, nn.Module, ABC):
    """The networks and phases of a GAN, built as ``target(config, parts, data)``.

    A recipe returns loss terms; it never steps an optimizer, and never reads a value on the host. ``averaged`` names
    the networks of which the trainer keeps a moving average. ``output`` is the field that :meth:`sample` generates,
    ``condition`` the field that it takes. ``replayable`` declares that the Python code of every phase does the same at
    every step, so that its operations can be recorded once and replayed. ``frozen`` names the networks, or submodules
    of them, that this training keeps as they are (``--freeze``); ganzoo sets it. ``pack`` declares how many examples of
    a batch the phases themselves compare (:class:`~ganzoo.contract.packs.Packed`). ``watched_accuracy`` is the name of
    the value, among those that the phases report, which is the share of examples that the discriminator tells apart.
    ``batch_size`` is the number of examples in a batch, of all processes and passes; ganzoo sets it. With ``restarts``
    the optimizers begin anew at each of the ``borders``: their state is that of the first step.
    """

    averaged: ClassVar[tuple[str, ...]] = ()
    replayable: ClassVar[bool] = False
    restarts: ClassVar[bool] = False
    batch_size: int = 1
    frozen: tuple[str, ...] = ()
    watched_accuracy: str = ""
    output: FieldRef
    condition: FieldRef | None = None

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_text(f"averaged of {cls.__name__}", cls.averaged)

    def __init__(self, data: Mapping[str, DataSpec]):
        super().__init__()
        self.data = dict(data)

    @abstractmethod
    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of one step, in order."""

    @property
    def noise_shape(self) -> tuple[int, ...] | None:
        """The shape of the noise of one example, if :meth:`sample` takes ``request.noise``; ``None`` if it does not."""
        return None

    @abstractmethod
    def sample(self, request: SampleRequest) -> Tensor:
        """Return generated examples (count, …), on the device of the networks."""

    def encode(self, examples: Tensor, condition: Tensor | None, output: str = "") -> tuple[Tensor, ...]:
        """Return the numbers (B, …) that :meth:`sample` would draw for examples (B, …), one tensor for each draw.

        A recipe with an encoder implements this: an inversion begins there too. Nothing by default.
        """
        return ()

    def recognise(self, examples: Tensor, output: str = "") -> Tensor:
        """Return the conditions (B, …) under which :meth:`sample` would generate examples (B, …).

        A recipe with an encoder of conditions implements this, so that nobody has to give the attributes of an example
        that is edited. None by default, (0,). It is called in evaluation mode, without gradients.
        """
        return examples.new_empty(0)

    def train(self, mode: bool = True) -> Self:
        """Set the mode of all networks; frozen ones stay in evaluation mode, so that they keep their statistics too."""
        super().train(mode)
        for name in self.frozen:
            self.get_submodule(name).eval()
        return self

    @contextmanager
    def evaluating(self) -> Iterator[Self]:
        """In the block, all networks are in evaluation mode; afterwards each module has the mode that it had."""
        modes = {module: module.training for module in self.modules()}
        self.eval()
        try:
            yield self
        finally:
            for module, mode in modes.items():
                module.training = mode

    def verdicts(self, examples: Tensor, condition: Tensor | None) -> Tensor:
        """Return how real the discriminator takes examples (B, …) to be under their conditions (B, …), as (B,).

        A higher number means more real. By default there are none, (0,), and nothing is diagnosed by them. It is called
        in evaluation mode, without gradients.
        """
        return examples.new_empty(0)

    @property
    def borders(self) -> tuple[int, ...]:
        """The steps (from 0) at which :meth:`before_step` changes what the phases compute; none by default.

        The dry run tries the phases at each of them, a step that is recorded is recorded anew, and parameters may get
        no gradient between two of them.
        """
        return ()

    def before_step(self, context: StepContext) -> None:
        """Change the networks as the training progresses, as progressive growing does; nothing by default.

        It runs on the host before each step. A recipe whose phases compute something else afterwards says at which
        steps in :attr:`borders`.
        """

    def after_update(self, phase: str, means: Mapping[str, Tensor]) -> None:
        """Change working state, or weights, after an update of ``phase``; nothing by default.

        ``means`` has the scalar mean of each term and value of the update over the whole batch: over all processes and
        passes. It is called once for each update, not once for each pass, and never for an update that is skipped. Work
        in place and on the device, without reading a value on the host: the step may be recorded and replayed. A recipe
        passes the call on to its loss and penalties, which may have a state.
        """

    @property
    def outputs(self) -> Mapping[str, Output]:
        """What :meth:`sample` generates, by name; by default ``output`` alone, without a name.

        A recipe with several outputs, such as both directions of a translation, names each. Its ``output`` and
        ``condition`` are those of the first one, and ``request.output`` of :meth:`sample` is the name that is wanted.
        """
        return {"": Output(self.output, self.condition)}

    @property
    def controls(self) -> Mapping[str, Field]:
        """What a user may choose when sampling besides the condition, by name; nothing by default."""
        return {}

    def field(self, ref: FieldRef) -> Field:
        """Return the field of the data that ``ref`` names."""
        return self.data[ref.slot].field(ref.field)

    def values(self, ref: FieldRef, batch: Batch) -> Tensor:
        """Return the values (B, …) of a field of the batch that ``ref`` names, or of several that it joins."""
        return values_of(self.field(ref)).gather(ref.field, batch[ref.slot])

    @property
    def output_field(self) -> Field:
        """The field that :meth:`sample` generates; the first one, if there are several."""
        return self.field(self.output)

    @property
    def condition_field(self) -> Field | None:
        """The field that :meth:`sample` takes as its condition, or ``None``; that of the first output."""
        return self.field(self.condition) if self.condition else None
