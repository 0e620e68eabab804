"""How steps are carried out: as they are written, compiled, or recorded once and replayed."""

from __future__ import annotations

from abc import ABC
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, final

import torch

from ganzoo.errors import UserError
from ganzoo.randomness import KeyedStreams, RehearsedStreams
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.train_step import Feeds, TrainStep
from ganzoo.text import first_line


class Execution(ABC):
    """A way to carry out steps; all ways give the same training, up to the order in which numbers are added."""

    name: ClassVar[str]
    run: Callable[[Sequence[PhaseOptimizer], Feeds, int], None]
    """Carries out the step that has begun: of the phases that are due, with its data, and its number."""

    def prepare(self, read: Callable[[], Feeds]) -> None:  # noqa: B027
        """Make ready, with data that ``read`` gives if it is needed; changes nothing that is trained."""

    def reset(self) -> None:  # noqa: B027
        """Forget what depends on where weights and states lie in memory: they have been replaced."""


@final
class Eager(Execution):
    """Operation after operation, as it is written."""

    name = "eager"

    def __init__(self, train_step: TrainStep):
        self.run = train_step


@final
class Compiled(Execution):
    """The loss of each phase, penalties and their second derivatives included, compiled by torch's compiler."""

    name = "compile"

    def __init__(self, train_step: TrainStep, streams: KeyedStreams):
        self.run = self._train_step = train_step
        train_step.streams = RehearsedStreams(streams)

    def prepare(self, read: Callable[[], Feeds]) -> None:
        """Rehearse and compile every phase; raises :class:`UserError` where one cannot be."""
        train_step, feeds = self._train_step, read()
        before = {name: value.clone() for name, value in train_step.recipe.state_dict().items()}
        options: dict[str, Any] = {"fallback_random": True}  # dropout draws what it draws uncompiled
        for phase in train_step.phase_optimizers:
            self._try(phase, feeds)
            train_step.losses[phase.name] = torch.compile(phase.phase.loss, dynamic=False, options=options)
        for phase in train_step.phase_optimizers:
            self._compile(phase, feeds)
        train_step.recipe.load_state_dict(before)  # statistics of batch norm have moved
        train_step.recipe.zero_grad(set_to_none=True)
        train_step.running_means.clear()

    def _compile(self, phase: PhaseOptimizer, feeds: Feeds, broken: Path | None = None) -> None:
        try:
            self._try(phase, feeds)
        except UserError:
            raise
        except Exception as problem:
            library = _broken_library(problem)
            if library is None or library == broken:
                raise UserError(
                    f"phase {phase.name!r} cannot be compiled here: {first_line(problem)}; use --execution eager"
                ) from problem
            library.unlink(missing_ok=True)
            self._compile(phase, feeds, library)

    def _try(self, phase: PhaseOptimizer, feeds: Feeds) -> None:
        train_step = self._train_step
        train_step.streams.begin(0)
        phase.freeze_the_others()
        divided = train_step.divided(feeds)
        for update in range(phase.updates):
            train_step.forward_backward(phase, update, divided, step=0)


def _broken_library(problem: BaseException | None) -> Path | None:
    """Return the library of the compiler's cache that ``problem`` could not load, if it is about one.

    A compiler that is interrupted leaves one half-written, and whoever compiles the same would take it for whole.
    """
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    while problem is not None:
        if isinstance(problem, ImportError) and problem.path is not None:
            library = Path(problem.path)
            return library if library.is_relative_to(cache_dir()) else None
        problem = problem.__cause__ or problem.__context__
    return None
