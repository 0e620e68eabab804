"""Records a whole step as one graph of the accelerator (data, noise, phases, updates, averages), and replays it."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.contract.step_context import NotReplayable
from ganzoo.errors import UserError
from ganzoo.health.memory import is_out_of_memory
from ganzoo.step.execution import Compiled, Execution
from ganzoo.step.phase_optimizer import PhaseOptimizer, quiet_optimizers
from ganzoo.step.running_means import OutputNames
from ganzoo.step.train_step import Feeds, TrainStep
from ganzoo.text import first_line

Window = tuple[int, tuple[str, ...]]
"""A window of the training between two borders of the recipe, and the names of the phases that are due together."""

WARM_UP = 2  # sound eager steps before the rehearsal: libraries choose their kernels, optimizers get their state


class Recorder(ABC):
    """Records work on a device, so that it can be repeated without the host."""

    @abstractmethod
    def warm_up(self, work: Callable[[], object]) -> None:
        """Do ``work`` on the stream on which it will be recorded."""

    @abstractmethod
    def rehearse(self, work: Callable[[], object]) -> str:
        """Do ``work`` as :meth:`warm_up` does; return where the host waits for the device, or an empty text."""

    @abstractmethod
    def record(self, work: Callable[[], object], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Record ``work`` without executing it, and return the function that replays it.

        ``work`` draws from ``generators``; a seed that is set between two replays takes effect. An exception is the
        one that ``work`` raised.
        """


@final
class CudaRecorder(Recorder):
    """Records CUDA graphs."""

    def __init__(self, device: torch.device):
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def warm_up(self, work: Callable[[], object]) -> None:
        """Do ``work`` on the recording stream."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), quiet_optimizers():
            work()
        current.wait_stream(self._stream)

    def rehearse(self, work: Callable[[], object]) -> str:
        """Do ``work`` on the recording stream, while torch watches for calls that wait."""
        mode = torch.cuda.get_sync_debug_mode()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                self.warm_up(work)
            finally:
                torch.cuda.set_sync_debug_mode(mode)
        waits = [each for each in caught if "synchronizing CUDA operation" in str(each.message)]
        return f"the host waits for a value in {Path(waits[0].filename).name}, line {waits[0].lineno}" if waits else ""

    def record(self, work: Callable[[], object], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Record a graph."""
        graph = torch.cuda.CUDAGraph()
        _register(graph, generators)
        current = torch.cuda.current_stream(self._device)
        failure: list[Exception] = []
        try:
            # Threads that pin streamed data call the driver meanwhile; these calls must not be recorded, nor fail.
            with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"), quiet_optimizers():
                try:
                    work()
                except Exception as problem:
                    failure.append(problem)
                    raise
        except Exception as problem:
            raise failure[0] if failure else problem  # noqa: B904 - the end of a failed recording hides the cause
        finally:
            torch.cuda.set_stream(current)  # which torch leaves undone after a failure
        return graph.replay


def _register(graph: torch.cuda.CUDAGraph, generators: Sequence[torch.Generator]) -> None:
    """Make ``graph`` read the seeds of ``generators`` at each replay; torch after 2.13 finds them by itself."""
    if tuple(map(int, torch.__version__.split(".")[:2])) > (2, 13):
        return
    for generator in generators:
        graph.register_generator_state(generator)


@dataclass(frozen=True)
class _Recording:
    """A recorded step: the memory of its feeds, the function that replays it, and how many outputs it adds."""

    feeds: Feeds
    replay: Callable[[], None]
    outputs: Counter[OutputNames]


@final
class Graphed(Execution):
    """Steps replayed from recordings, one for each set of phases that are due together in a window."""

    def __init__(
        self,
        train_step: TrainStep,
        recorder: Recorder,
        warn: Callable[[str], None] | None = None,
        compiled: Compiled | None = None,
    ):
        """Record ``train_step``; if that is impossible, ``warn`` and do not record, or raise if ``warn`` is None.

        ``compiled`` is the execution that compiles the phases of the same step before it is recorded.
        """
        self._train_step, self._recorder, self._warn, self._compiled = train_step, recorder, warn, compiled
        self.name = "graph" if compiled is None else "compiled graph"
        self._eager_only = False
        self._warm: Counter[Window] = Counter()
        self._rehearsed: set[Window] = set()
        self._recordings: dict[Window, _Recording] = {}
        for phase in train_step.phase_optimizers:
            phase.make_recordable(train_step.streams.device)
        train_step.ema.make_recordable(train_step.streams.device)

    def prepare(self, read: Callable[[], Feeds]) -> None:
        """Compile the phases, if that was asked for."""
        if self._compiled is not None:
            self._compiled.prepare(read)

    def run(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        """Execute a step; raises :class:`UserError` if it cannot be recorded."""
        phases = tuple(phase.name for phase in due)
        window = bisect_right(self._train_step.recipe.borders, step), phases
        if window in self._recordings:
            recording = self._recordings[window]
            for recorded, given in zip(recording.feeds, feeds, strict=True):
                for slot, fields in recorded.items():
                    for name, values in fields.items():
                        values.copy_(given[slot][name], non_blocking=True)
            self._replay(recording, phases, step)
        elif self._eager_only or self._warm[window] < WARM_UP:
            self._recorder.warm_up(lambda: self._warm_up(window, due, feeds, step))
        elif window not in self._rehearsed:
            self._rehearse(window, due, feeds, step)
        else:
            self._begin_recorded(window, due, feeds, step)

    def _warm_up(self, window: Window, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        # An optimizer whose updates were all left out has no state yet, and would get it anew in every replay.
        self._warm[window] += self._train_step(due, feeds, step)

    def _rehearse(self, window: Window, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        """Make a step as it will be recorded; if the host waits in it, no step can be recorded."""
        waits = self._recorder.rehearse(lambda: self._on_device(due, feeds, step))
        self._train_step.anomaly_check.after_replay(window[1], step)
        self._rehearsed.add(window)
        if waits:
            self._continue_eagerly(NotReplayable(waits))

    def _on_device(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        self._train_step(due, feeds, step, on_device=True)

    def _begin_recorded(self, window: Window, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        try:
            self._recordings[window] = recording = self._record(due, feeds, step)
        except NotReplayable as problem:
            # Only Python has failed here. After any other failure the device may be unusable.
            self._continue_eagerly(problem)
            self._train_step(due, feeds, step)
            return
        self._replay(recording, window[1], step)

    def _continue_eagerly(self, problem: NotReplayable) -> None:
        if self._warn is None:
            raise UserError(_cannot_record(problem)) from problem
        self._warn(f"{_cannot_record(problem)}; continuing without recordings")
        self._eager_only = True

    def reset(self) -> None:
        """Drop all recordings, so that steps are recorded again."""
        self._recordings.clear()
        self._rehearsed.clear()
        self._warm.clear()

    def _replay(self, recording: _Recording, phases: Sequence[str], step: int) -> None:
        self._train_step.streams.ready_generators()
        recording.replay()
        self._train_step.running_means.counts.update(recording.outputs)
        self._train_step.anomaly_check.after_replay(phases, step)

    def _record(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> _Recording:
        train_step, counts = self._train_step, self._train_step.running_means.counts.copy()
        generators = train_step.streams.ready_generators()  # none can be seeded while it is recorded
        own = [{slot: _clones(fields) for slot, fields in given.items()} for given in feeds]
        try:
            replay = self._recorder.record(lambda: train_step(due, own, step, recorded=True), generators)
        except (NotReplayable, MemoryError):
            raise
        except Exception as problem:
            if is_out_of_memory(problem):
                raise
            raise UserError(_cannot_record(problem)) from problem
        finally:
            outputs, train_step.running_means.counts = train_step.running_means.counts - counts, counts
        return _Recording(own, replay, outputs)


def _cannot_record(problem: Exception) -> str:
    return f"a step cannot be recorded: {first_line(problem)}; use --execution eager or compile"


def _clones(fields: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.clone() for name, values in fields.items()}
