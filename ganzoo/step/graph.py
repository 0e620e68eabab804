"""A whole step recorded as one graph of the accelerator, and replayed: data, noise, phases, updates and averages."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from ganzoo.contract.step_context import NotReplayable
from ganzoo.errors import UserError
from ganzoo.randomness import KeyedStreams
from ganzoo.step.execution import Execution
from ganzoo.step.phase_optimizer import PhaseOptimizer
from ganzoo.step.running_means import TermNames
from ganzoo.step.train_step import Feeds, TrainStep
from ganzoo.text import first_line

WARM_UP = 3  # steps as they are written, before one is recorded: libraries choose their kernels in these


class Recorder(ABC):
    """Records work on a device, to do it again without asking the host."""

    @abstractmethod
    def warm_up(self, work: Callable[[], None]) -> None:
        """Do ``work`` where it would be recorded."""

    @abstractmethod
    def record(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Record ``work``, which is not done yet, and return what does it.

        ``generators`` are those it draws from; seeds set between two replays count.
        """


@final
class CudaRecorder(Recorder):
    """Records CUDA graphs."""

    def __init__(self, device: torch.device):
        self._device = device
        self._stream = torch.cuda.Stream(device)

    def warm_up(self, work: Callable[[], None]) -> None:
        """Do ``work`` on the stream that records."""
        current = torch.cuda.current_stream(self._device)
        self._stream.wait_stream(current)
        with torch.cuda.stream(self._stream), warnings.catch_warnings():
            # Optimizers that can be recorded warn where they are not: soon they are.
            warnings.filterwarnings("ignore", message=".*capturable=True.*")
            work()
        current.wait_stream(self._stream)

    def record(self, work: Callable[[], None], generators: Sequence[torch.Generator]) -> Callable[[], None]:
        """Record a graph."""
        graph = torch.cuda.CUDAGraph()
        for generator in generators:
            graph.register_generator_state(generator)
        # Threads that pin streamed data go on meanwhile; what they ask of the driver is no part of the step.
        with torch.cuda.graph(graph, stream=self._stream, capture_error_mode="thread_local"):
            work()
        return graph.replay


@dataclass(frozen=True)
class _Recording:
    """A recorded step: where its data goes, how it is done again, and how much it finds."""

    feeds: Feeds
    replay: Callable[[], None]
    finds: Counter[TermNames]


@final
class Graphed(Execution):
    """Steps replayed from recordings, one for each set of phases that are due together."""

    name = "graph"

    def __init__(
        self,
        train_step: TrainStep,
        streams: KeyedStreams,
        recorder: Recorder,
        warn: Callable[[str], None] | None = None,
    ):
        """Record steps of ``game``; where one asks for its number, ``warn`` of it and go on without, or raise."""
        self._train_step, self._streams, self._recorder, self._warn = train_step, streams, recorder, warn
        self._given_up = False
        self._warm: Counter[tuple[str, ...]] = Counter()
        self._recordings: dict[tuple[str, ...], _Recording] = {}
        for phase in train_step.phase_optimizers:
            phase.make_recordable(streams.device)
        train_step.ema.make_recordable(streams.device)

    def run(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        """Carry out a step; raises :class:`UserError` where it cannot be recorded."""
        phases = tuple(phase.name for phase in due)
        if phases in self._recordings:
            recording = self._recordings[phases]
            for mine, given in zip(recording.feeds, feeds, strict=True):
                for slot, fields in mine.items():
                    for name, values in fields.items():
                        values.copy_(given[slot][name], non_blocking=True)
            self._again(recording, phases, step)
        elif self._given_up or self._warm[phases] < WARM_UP:
            self._warm[phases] += 1
            self._recorder.warm_up(lambda: self._train_step(due, feeds, step))
        else:
            self._begin_recorded(phases, due, feeds, step)

    def _begin_recorded(self, phases: tuple[str, ...], due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> None:
        try:
            self._recordings[phases] = recording = self._record(due, feeds, step)
        except NotReplayable as problem:
            # Python alone has failed here. After any other failure the device is in no state to go on.
            if self._warn is None:
                raise UserError(_cannot(problem)) from problem
            self._warn(f"{_cannot(problem)}; going on without")
            self._given_up = True
            self._train_step(due, feeds, step)
            return
        self._again(recording, phases, step)

    def reset(self) -> None:
        """Record anew."""
        self._recordings.clear()
        self._warm.clear()

    def _again(self, recording: _Recording, phases: Sequence[str], step: int) -> None:
        self._streams.set_known()
        recording.replay()
        self._train_step.running_means.counts.update(recording.finds)
        self._train_step.anomaly_check.replayed(phases, step)

    def _record(self, due: Sequence[PhaseOptimizer], feeds: Feeds, step: int) -> _Recording:
        train_step, counts = self._train_step, self._train_step.running_means.counts.copy()
        self._streams.set_known()  # a generator cannot be seeded while it is recorded
        mine = [{slot: _own(fields) for slot, fields in given.items()} for given in feeds]
        try:
            replay = self._recorder.record(
                lambda: train_step(due, mine, step, recorded=True), list(self._streams.generators.values())
            )
        except NotReplayable:
            raise
        except Exception as problem:
            raise UserError(_cannot(problem)) from problem
        finally:
            finds, train_step.running_means.counts = train_step.running_means.counts - counts, counts
        return _Recording(mine, replay, finds)


def _cannot(problem: Exception) -> str:
    return f"a step cannot be recorded: {first_line(problem)}; use --execution eager or compile"


def _own(fields: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: values.clone() for name, values in fields.items()}
