"""How steps are executed: eagerly or compiled; ``graph`` adds recorded steps."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, final

import torch

from ganzoo.errors import UserError
from ganzoo.randomness import KeyedStreams, PredrawnStreams
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.train_step import Feeds, Handed, TrainStep
from ganzoo.text import first_line


class Execution(ABC):
    """A way to execute steps; all of them give the same training, up to the order of additions."""

    name: str
    run: Callable[[Sequence[PhaseOptimizer], Feeds, int], object]
    """Executes the step that has begun; the arguments are the phases that are due, its feeds, and its number."""

    def prepare(self, read: Callable[[], Feeds]) -> None:  # noqa: B027
        """Prepare the execution, with data from ``read`` if it needs any; changes nothing that is trained."""

    def reset(self) -> None:  # noqa: B027
        """Forget everything that depends on the memory addresses of weights and optimizer state, after a restore."""


@final
class Eager(Execution):
    """Executes every operation as it is written."""

    name = "eager"

    def __init__(self, train_step: TrainStep):
        self.run = train_step


@final
class Compiled(Execution):
    """Compiles the loss of each phase, including penalties and their second derivatives, with torch's compiler."""

    name = "compile"

    def __init__(self, train_step: TrainStep, streams: KeyedStreams):
        self.run = self._train_step = train_step
        train_step.streams = PredrawnStreams(streams)

    def prepare(self, read: Callable[[], Feeds]) -> None:
        """Run every phase once to record its random numbers, and compile it; raises :class:`UserError` on failure."""
        train_step, feeds = self._train_step, read()
        before = {name: value.clone() for name, value in train_step.recipe.state_dict().items()}
        options: dict[str, Any] = {"fallback_random": True}  # dropout draws the same numbers as in eager execution
        handed = Handed()
        for phase in train_step.phase_optimizers:
            self._run_once(phase, feeds, handed)
            train_step.losses[phase.name] = torch.compile(phase.phase.loss, dynamic=False, options=options)
        handed = Handed()
        for phase in train_step.phase_optimizers:
            self._compile(phase, feeds, handed)
        train_step.recipe.load_state_dict(before)  # undo the changes of running statistics
        train_step.recipe.zero_grad(set_to_none=True)
        train_step.running_means.clear()

    def _compile(self, phase: PhaseOptimizer, feeds: Feeds, handed: Handed, broken: Path | None = None) -> None:
        try:
            self._run_once(phase, feeds, handed)
        except UserError:
            raise
        except Exception as problem:
            library = _broken_library(problem)
            if library is None or library == broken:
                raise UserError(
                    f"phase {phase.name!r} cannot be compiled: {first_line(problem)}; use --execution eager"
                ) from problem
            library.unlink(missing_ok=True)
            self._compile(phase, feeds, handed, library)

    def _run_once(self, phase: PhaseOptimizer, feeds: Feeds, handed: Handed) -> None:
        train_step = self._train_step
        train_step.streams.begin(0)
        train_step.streams.draw()
        phase.set_requires_grad()
        divide = train_step.divide(feeds)
        for update in range(phase.updates):
            train_step.forward_backward(phase, update, divide, handed, step=0)


def _broken_library(problem: BaseException | None) -> Path | None:
    """Return the library in the compiler's cache that could not be loaded, or ``None`` for another problem.

    An interrupted compiler leaves an incomplete library in its cache, and would load it the next time.
    """
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    while problem is not None:
        if isinstance(problem, ImportError) and problem.path is not None:
            library = Path(problem.path)
            return library if library.is_relative_to(cache_dir()) else None
        problem = problem.__cause__ or problem.__context__
    return None
