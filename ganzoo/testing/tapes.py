"""Recorded steps on the processor: a tape that fixes the numbers of Python, as a graph on a GPU does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from ganzoo.catalogue import Selection
from ganzoo.step.graph import Graphed, Recorder
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import make_trainer
from ganzoo.training.trainer import Trainer

ONLY_ON_A_GPU = ("rmsprop",)
"""Optimizers whose steps torch can record on a GPU alone."""


class Tape(TorchDispatchMode):
    """Notes every operation with what it was given; done again, it reads nothing but memory and generators.

    That is what a graph of a GPU does: numbers that Python computed are what they were when it was recorded.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations: list[tuple[Any, Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func is not torch.ops.aten._local_scalar_dense.default, "the host waits for a value"
        result = func(*args, **(kwargs or {}))
        self.operations.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        """Do all operations again, each with what those before it give now."""
        made: dict[int, Tensor] = {}

        def now(value: Any) -> Any:
            return made.get(id(value), value) if isinstance(value, Tensor) else value

        with torch.no_grad():
            for func, args, kwargs, then in self.operations:
                result = func(*tree_map(now, args), **tree_map(now, kwargs))
                for old, new in zip(tree_flatten(then)[0], tree_flatten(result)[0], strict=True):
                    if isinstance(old, Tensor):
                        made[id(old)] = new


class Waits(TorchDispatchMode):
    """Notes whether the host waits for a value of the device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found = False

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.found |= func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **(kwargs or {}))


class TapeRecorder(Recorder):
    """Records on a tape. Recording does the work, which recording a graph does not: so it is undone."""

    def __init__(self, trainer: Trainer):
        self.trainer, self.tapes = trainer, list[Tape]()

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do the work once."""
        work()

    def rehearse(self, work: Callable[[], object]) -> str:
        """Do the work once, and say whether it asks for a value."""
        with Waits() as waits:
            work()
        return "the host waits for a value" if waits.found else ""

    def record(self, work: Callable[[], object], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Do the work on a tape, undo it, and return what replays it."""
        memory = list(self._memory())
        before = [value.detach().clone() for value in memory]
        state = torch.default_generator.get_state()
        states = [generator.get_state() for generator in generators]
        self.tapes.append(Tape())
        with self.tapes[-1]:
            work()
        with torch.no_grad():
            for value, old in zip(memory, before, strict=True):
                value.copy_(old)
        torch.default_generator.set_state(state)
        for generator, old_state in zip(generators, states, strict=True):
            generator.set_state(old_state)
        return self.tapes[-1].replay

    def _memory(self) -> Any:
        train_step = self.trainer.train_step
        yield from train_step.recipe.state_dict().values()
        for network in train_step.ema.networks.values():
            yield from network.state_dict().values()
        for phase_optimizer in train_step.phase_optimizers:
            for state in phase_optimizer.optimizer.state.values():
                yield from (value for value in state.values() if isinstance(value, Tensor))
        yield from train_step.running_means.sums.values()


def recorded(selection: Selection, warn: Callable[[str], None] | None = None) -> tuple[Trainer, TapeRecorder]:
    """Return a trainer that records its steps on tapes, and its recorder."""
    trainer = make_trainer(selection)
    recorder = TapeRecorder(trainer)
    trainer.execution = Graphed(trainer.train_step, recorder, warn)
    return trainer, recorder


def recordable(variant: str) -> dict[str, object]:
    """Return the flags with which the steps of a variant can be recorded on the processor."""
    optimizers = [part.component for name, part in choose(variant).parts.items() if name.endswith("optimizer")]
    return {"optimizer": "adam"} if any(each.name in ONLY_ON_A_GPU for each in optimizers) else {}


def with_rates_on_the_device(trainer: Trainer) -> Trainer:
    """Return an eager trainer whose rates and decays are in the memory of its device, as recorded steps have them."""
    for phase_optimizer in trainer.train_step.phase_optimizers:
        phase_optimizer.make_recordable(trainer.device)
    trainer.train_step.ema.make_recordable(trainer.device)
    return trainer
