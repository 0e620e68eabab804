"""Benchmarks: how fast a variant trains, the time of each part of a step, and the share of the machine's peak rates."""

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

from ganzoo.assembly.phases import windows
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
LAP_SECONDS = 0.7  # where the number of steps per lap is not given
LAP_STEPS = 3, 1000  # at least and at most
ENDLESS = 2**31 - 1  # steps, so that the training does not end before the benchmark


@dataclass(frozen=True)
class Benchmark:
    """The measurements of one variant.

    ``steps`` is the length of a lap; the rates are those of the median lap. ``split`` is seconds per step by part, with
    ``split_execution``, which is eager whatever the ``execution``; so is ``cost``, that of a step. ``data`` is the
    datasets' names by slot. ``peak_memory`` is in bytes, 0 where the system does not report it.
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

    A training that is near neither waits for something else: mostly for the host, which launches the operations. A
    share of the copy rate above 1 means that caches are used. Both refer to the cost of the eager step.
    (Williams, Waterman & Patterson, 2009.)
    """

    matrix: float
    memory: float

    @property
    def bound(self) -> str:
        """The nearer bound: ``matrix`` or ``memory``."""
        return "matrix" if self.matrix >= self.memory else "memory"


def roofline(found: Benchmark, machine: Machine) -> Roofline:
    """Return the shares of the rates of ``machine`` that ``found`` reaches, in its precision.

    Operations that a training in bf16 does in float32, such as penalties, are counted as bf16.
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
    """Measure the trainer of a selection whose check returned ``data``; writes nothing.

    Steps are those of the last window of the training, which ``warn`` is told of where it is not the only one. A lap
    has ``steps``, or as many as take about a second, rounded up to whole periods of the phases. Raises
    :class:`~ganzoo.errors.UserError` as :func:`~ganzoo.training.setup.build_trainer` does.
    """
    selection = _with(selection, steps=ENDLESS, epochs=None)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())), precision.set():
        begin_peak_memory(precision.device)
        trainer = _ready(selection, data, precision, warn)
        if first := last_window(trainer):
            warn(f"{selection.variant} is measured from step {first + 1} on, in the last window of its training")
        period = period_of(trainer)
        lap = -(-(steps or _steps_of_a_lap(trainer)) // period) * period
        seconds = statistics.median(seconds_of(trainer, lap) for _ in range(LAPS)) / lap
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
    """Return the seconds per step of each part of an eager training, measured over ``steps`` more steps.

    The parts are the data, each phase (forward and backward), each phase's optimizer, the averages, the rest, and the
    reading of the values for a log row, divided by the ``log_every`` steps between two. Around each part the device is
    synchronised, so that the sum is larger than the time of an undisturbed step.
    """
    train_step = trainer.train_step
    phases = [phase_optimizer.name for phase_optimizer in train_step.phase_optimizers]
    named = [part for phase in phases for part in (phase, f"{phase}-optimizer")]
    watch = _Stopwatch(trainer.device, ["data", *named, "averages"])
    with ExitStack() as stack:
        for batches in train_step.batches.values():
            for method in ("feed", "make"):
                stack.enter_context(watch.following(batches, method, "data"))
        for phase_optimizer in train_step.phase_optimizers:
            part = f"{phase_optimizer.name}-optimizer"
            stack.enter_context(watch.following(phase_optimizer, "zero_gradients", part))
            stack.enter_context(watch.following(phase_optimizer.optimizer, "step", part))
        stack.enter_context(
            watch.following(train_step, "forward_backward", lambda phase_optimizer, *_: phase_optimizer.name)
        )
        stack.enter_context(watch.following(train_step.ema, "update", "averages"))
        took = seconds_of(trainer, steps)
    parts = {part: seconds / steps for part, seconds in watch.seconds.items()}
    other = max(0.0, took / steps - sum(parts.values()))
    began = time.perf_counter()
    train_step.running_means.means()
    train_step.running_means.clear()
    return {**parts, "other": other, "logging": (time.perf_counter() - began) / log_every}


def cost_of_step(trainer: Trainer) -> Cost:
    """Return the mean cost of a step of an eager training, over a whole period of the phases."""
    period = period_of(trainer)
    return cost_of(lambda: _play(trainer, period)).per(period)


@final
class _Stopwatch:
    """Adds up seconds by part, with the device synchronised at the end of each.

    It replaces methods during the measurement, so that a normal training step has no code for measuring.
    """

    def __init__(self, device: torch.device, parts: list[str]):
        self._device = device
        self.seconds = dict.fromkeys(parts, 0.0)

    @contextmanager
    def following(self, owner: object, method: str, part: str | Callable[..., str]) -> Iterator[None]:
        """Time all calls of a method of ``owner`` in this context; ``part`` is the name, or returns it for a call."""
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
    """Return a trainer after its warm-up."""
    trainer = build_trainer(selection, data, precision, SingleProcess(), warn)
    trainer.prepare()
    trainer.step = last_window(trainer)
    _play(trainer, WARM_UP * period_of(trainer))
    return trainer


def last_window(trainer: Trainer) -> int:
    """Return the first step (from 0) of the last window of the training: after a pre-training, with grown networks."""
    recipe = trainer.train_step.recipe
    return max(window.step for window in windows(recipe.phases(), recipe.borders))


def period_of(trainer: Trainer) -> int:
    """Return the steps after which the same phases are due again."""
    return math.lcm(*(phase.every for phase in trainer.train_step.phase_optimizers))


def _steps_of_a_lap(trainer: Trainer) -> int:
    least, most = LAP_STEPS
    return max(least, min(most, round(LAP_SECONDS * WARM_UP / seconds_of(trainer, WARM_UP))))


def seconds_of(trainer: Trainer, steps: int) -> float:
    """Return the time of ``steps`` more steps."""
    wait_for(trainer.device)
    began = time.perf_counter()
    _play(trainer, steps)
    wait_for(trainer.device)
    return time.perf_counter() - began


def _play(trainer: Trainer, steps: int) -> None:
    for _ in range(steps):
        trainer.advance()


def begin_peak_memory(device: torch.device) -> None:
    """Reset the peak of the memory, where the system allows it: on CUDA, and on Linux."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform == "linux":
        try:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        except OSError:
            return  # the peak is then that of the whole process


def peak_memory(device: torch.device) -> int:
    """Return the peak memory in bytes: of tensors on CUDA, else of the whole process; 0 where it is not reported."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
