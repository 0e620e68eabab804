"""How fast a variant trains here, where the time of a step goes, and how near that is to what the machine can do."""

from __future__ import annotations

import dataclasses
import gc
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import torch

from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.step.precision import Precision
from ganzoo.step.processes import SingleProcess
from ganzoo.studio.cost import Cost, cost_of
from ganzoo.studio.machine import Machine, wait_for
from ganzoo.training.setup import build_trainer
from ganzoo.training.trainer import Trainer

WARM_UP = 5  # rounds of all phases; a recorded execution needs four before it replays
LAPS = 3
LAP_SECONDS = 0.7  # where nobody says how many steps a lap has
LAP_STEPS = 3, 1000  # at least and at most
ENDLESS = 2**31 - 1  # steps: no benchmark outlasts its training


@dataclass(frozen=True)
class Benchmark:
    """What was measured of one variant.

    ``steps`` are those of a lap; the rates are the median lap's. ``split`` is seconds a step by part, carried out as
    ``split_execution`` says, which is eager whatever the ``execution``; so is ``cost``, that of a step. ``data`` are
    the datasets' names by slot. ``peak_memory`` is bytes, 0 where the system does not tell.
    """

    variant: str
    data: Mapping[str, str]
    batch_size: int
    device: str
    precision: str
    execution: str
    steps: int
    steps_per_second: float
    images_per_second: float
    split: Mapping[str, float]
    split_execution: str
    cost: Cost
    peak_memory: int


@dataclass(frozen=True)
class Roofline:
    """The shares of the machine's matrix rate and copy rate that a training reaches; the larger one bounds it.

    A training that is near to neither waits for something else: mostly for the host, to tell the device what to do.
    Above 1 a share of the copy rate says that caches answer. Both are of the cost of the eager step.
    (Williams, Waterman & Patterson, 2009.)
    """

    matrix: float
    memory: float

    @property
    def bound(self) -> str:
        """Which of the two would stop it first: ``matrix`` or ``memory``."""
        return "matrix" if self.matrix >= self.memory else "memory"


def roofline(found: Benchmark, machine: Machine) -> Roofline:
    """Return how near ``found`` is to what ``machine`` can do in its precision.

    What a training in bf16 keeps in float32, such as penalties, is taken as if it were in bf16 too.
    """
    rate = found.steps_per_second
    return Roofline(
        found.cost.flops * rate / machine.matrix_rates[found.precision], found.cost.bytes * rate / machine.copy_rate
    )


def benchmark(
    selection: Selection,
    data: Mapping[str, DataSpec],
    precision: Precision,
    steps: int | None,
    warn: Callable[[str], None],
) -> Benchmark:
    """Measure the trainer of a selection whose check gave ``data``, as it would train; writes nothing.

    A lap has ``steps``, or as many as take about a second, and some more where phases are not due at every step, so
    that it has each of them as often as it should. Raises :class:`~ganzoo.errors.UserError` as
    :func:`~ganzoo.training.setup.build_trainer` does.
    """
    selection = _with(selection, steps=ENDLESS, epochs=None)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), precision.set():
        begin_peak_memory(precision.device)
        trainer = _ready(selection, data, precision, warn)
        period = _period(trainer)
        lap = -(-(steps or _steps_of_a_lap(trainer)) // period) * period
        seconds = statistics.median(_seconds(trainer, lap) for _ in range(LAPS)) / lap
        peak = peak_memory(precision.device)
        eager = trainer
        if trainer.execution.name != "eager":
            eager = _ready(_with(selection, execution="eager"), data, precision, warn)
        return Benchmark(
            selection.variant,
            {slot: selection.parts[slot].component.name for slot in data},
            selection.run.batch_size,
            str(precision.device),
            precision.name,
            trainer.execution.name,
            lap,
            1 / seconds,
            trainer.images / trainer.step / seconds,
            split(eager, lap, selection.run.log_every),
            eager.execution.name,
            cost_of_step(eager),
            peak,
        )


def split(trainer: Trainer, steps: int, log_every: int) -> dict[str, float]:
    """Return the seconds a step of an eager training that each part takes, over ``steps`` more steps.

    The parts are the data, each phase (forward and backward), each phase's optimizer, the averages, what is none of
    these, and reading what was found for a report, shared out among the ``log_every`` steps between two. The device
    is waited for around each part, so that together they take longer than an undisturbed step.
    """
    train_step = trainer.train_step
    phases = [phase_optimizer.phase.name for phase_optimizer in train_step.phase_optimizers]
    named = [part for phase in phases for part in (phase, f"{phase}-optimizer")]
    watch = _Stopwatch(trainer.device, ["data", *named, "averages"])
    with ExitStack() as stack:
        for batches in train_step.batches.values():
            for method in ("feed", "make"):
                stack.enter_context(watch.following(batches, method, "data"))
        for phase_optimizer in train_step.phase_optimizers:
            part = f"{phase_optimizer.phase.name}-optimizer"
            stack.enter_context(watch.following(phase_optimizer, "zero_gradients", part))
            stack.enter_context(watch.following(phase_optimizer.optimizer, "step", part))
        stack.enter_context(
            watch.following(train_step, "forward_backward", lambda phase_optimizer, *_: phase_optimizer.phase.name)
        )
        stack.enter_context(watch.following(train_step.ema, "update", "averages"))
        took = _seconds(trainer, steps)
    parts = {part: seconds / steps for part, seconds in watch.seconds.items()}
    other = max(0.0, took / steps - sum(parts.values()))
    began = time.perf_counter()
    train_step.running_means.means()
    train_step.running_means.clear()
    return {**parts, "other": other, "logging": (time.perf_counter() - began) / log_every}


def cost_of_step(trainer: Trainer) -> Cost:
    """Return the cost of a step of an eager training; of the mean step, where phases are not due at every one."""
    period = _period(trainer)
    return cost_of(lambda: _play(trainer, period)).per(period)


@final
class _Stopwatch:
    """Adds up seconds by part; the device has done all of a part before it ends."""

    def __init__(self, device: torch.device, parts: list[str]):
        self._device = device
        self.seconds = dict.fromkeys(parts, 0.0)

    @contextmanager
    def following(self, owner: object, method: str, part: str | Callable[..., str]) -> Iterator[None]:
        """Time every call of a method of ``owner`` for a while; ``part``, or what it makes of the call, is its name."""
        plain, own = getattr(owner, method), vars(owner).get(method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            wait_for(self._device)
            began = time.perf_counter()
            try:
                return plain(*args, **kwargs)
            finally:
                wait_for(self._device)
                self.seconds[part if isinstance(part, str) else part(*args)] += time.perf_counter() - began

        setattr(owner, method, timed)
        try:
            yield
        finally:
            if own is None:
                delattr(owner, method)
            else:
                setattr(owner, method, own)


def _with(selection: Selection, **settings: Any) -> Selection:
    return dataclasses.replace(selection, run=dataclasses.replace(selection.run, **settings))


def _ready(
    selection: Selection, data: Mapping[str, DataSpec], precision: Precision, warn: Callable[[str], None]
) -> Trainer:
    """Return a trainer that has got into its stride."""
    trainer = build_trainer(selection, data, precision, SingleProcess(), warn)
    trainer.prepare()
    _play(trainer, WARM_UP * _period(trainer))
    return trainer


def _period(trainer: Trainer) -> int:
    """Return the steps after which the same phases are due again."""
    return math.lcm(*(phase.every for phase in trainer.train_step.phase_optimizers))


def _steps_of_a_lap(trainer: Trainer) -> int:
    least, most = LAP_STEPS
    return max(least, min(most, round(LAP_SECONDS * WARM_UP / _seconds(trainer, WARM_UP))))


def _seconds(trainer: Trainer, steps: int) -> float:
    wait_for(trainer.device)
    began = time.perf_counter()
    _play(trainer, steps)
    wait_for(trainer.device)
    return time.perf_counter() - began


def _play(trainer: Trainer, steps: int) -> None:
    for _ in range(steps):
        trainer.advance()


def begin_peak_memory(device: torch.device) -> None:
    """Let the high-water mark begin anew, where the system allows it: on CUDA, and on Linux."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return  # then it is that of the whole process so far


def peak_memory(device: torch.device) -> int:
    """Return the most bytes held at once: by tensors on CUDA, else by the whole process; 0 where nobody tells."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
