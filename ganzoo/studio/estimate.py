"""What a training will take, measured on a few of its steps: parameters, memory, speed and time. Writes nothing."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

import torch

from ganzoo.assembly.parts import build_recipe
from ganzoo.assembly.phases import windows
from ganzoo.assembly.trainable import parameter_counts
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.read_only import reading_only
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.health.free_memory import limited_to_free_memory
from ganzoo.health.memory import explain_out_of_memory
from ganzoo.randomness import process_numerics
from ganzoo.step.determinism import deterministic
from ganzoo.step.precision import Precision
from ganzoo.step.processes import SingleProcess
from ganzoo.storage.sealed import seal
from ganzoo.studio.benchmark import begin_peak_memory, peak_memory, period_of, seconds_of
from ganzoo.training.preview import Preview
from ganzoo.training.setup import build_trainer
from ganzoo.training.state import capture
from ganzoo.training.trainer import Trainer

SECONDS = 3.0  # at most, for all steps that are measured
LAPS = 5  # of equal length; one that the machine disturbs does not count
WARM_UP = 5  # rounds of all phases; a recorded execution needs four before it replays


@dataclass(frozen=True)
class Window:
    """A part of a training in which the same phases are due: its length in steps, and seconds per step."""

    steps: int
    seconds_per_step: float


@dataclass(frozen=True)
class Estimate:
    """What a training takes, from here to its end.

    ``parameters`` are counted by network. ``beginning`` is seconds for the data and the first steps; a picture and a
    checkpoint take ``picture`` and ``checkpoint`` seconds, and ``sample_every`` and ``checkpoint_every`` are their
    intervals in steps, 0 for none. ``memory`` is the peak in bytes: on CUDA of tensors, else of the whole process; 0
    where the system does not report it.
    """

    parameters: Mapping[str, int]
    memory: int
    windows: tuple[Window, ...]
    beginning: float
    pictures: int
    picture: float
    checkpoints: int
    checkpoint: float
    sample_every: int = 0
    checkpoint_every: int = 0

    @property
    def steps(self) -> int:
        """The steps that are to be made."""
        return sum(window.steps for window in self.windows)

    @property
    def stepping(self) -> float:
        """The seconds of all steps."""
        return sum(window.steps * window.seconds_per_step for window in self.windows)

    @property
    def steps_per_second(self) -> float:
        """The mean speed; 0 if no step is to be made."""
        return self.steps / self.stepping if self.stepping else 0.0

    @property
    def seconds(self) -> float:
        """The time of everything: without evaluations, and without the animation and the curves at the end."""
        others = self.pictures * self.picture + self.checkpoints * self.checkpoint
        return self.beginning + self.stepping + others


def estimate(
    selection: Selection,
    data: Mapping[str, DataSpec],
    precision: Precision,
    done: int,
    warn: Callable[[str], None],
    seconds: float = math.inf,
) -> Estimate:
    """Return what is left of a training that has made ``done`` steps; ``data`` is what its check returned.

    Builds the training, reads its data, and makes steps for some ``seconds``, :data:`SECONDS` at most, in each window
    of its phases. Raises :class:`~ganzoo.errors.UserError` where the training would, and where it needs more memory
    than there is, and :class:`~ganzoo.contract.read_only.NotAtHand` where the data is to be downloaded.
    """
    with ExitStack() as stack:
        stack.enter_context(process_numerics)
        stack.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))
        stack.enter_context(precision.set())
        stack.enter_context(deterministic(selection.run.deterministic))
        stack.enter_context(reading_only())
        stack.enter_context(explain_out_of_memory(lambda message: _too_large(selection, precision, message)))
        stack.enter_context(limited_to_free_memory(precision.device))
        begin_peak_memory(precision.device)
        began = time.perf_counter()
        trainer = build_trainer(selection, data, precision, SingleProcess(), warn)
        for batches in trainer.train_step.batches.values():
            stack.callback(batches.close)
        trainer.prepare()
        preview = Preview(trainer.train_step.recipe, trainer.train_step.batches, selection.run.seed, precision.device)
        trainer.step = done
        seconds_of(trainer, min(1, trainer.steps - done))
        beginning = time.perf_counter() - began
        measured = tuple(_measured(trainer, done, min(SECONDS, seconds)))
        picture, checkpoint = _seconds(lambda: _draw(trainer, preview)), _seconds(lambda: _save(trainer))
        run, steps = selection.run, trainer.steps
        sample_every, checkpoint_every = trainer.in_steps(run.sample_every), trainer.in_steps(run.checkpoint_every)
        return Estimate(
            parameter_counts(trainer.train_step.recipe),
            peak_memory(precision.device),
            measured,
            beginning,
            _times(sample_every, done, steps) + (done == 0),
            picture,
            _times(checkpoint_every, done, steps),
            checkpoint,
            sample_every,
            checkpoint_every,
        )


def _too_large(selection: Selection, precision: Precision, message: str) -> UserError:
    run = selection.run
    return UserError(
        f"out of memory on {precision.device} with batches of {run.batch_size} ({message}): give a smaller "
        f"--batch-size, --accumulate {2 * run.accumulate} to compute each batch in {2 * run.accumulate} passes, or "
        "smaller networks"
    )


def _measured(trainer: Trainer, done: int, seconds: float) -> Iterator[Window]:
    """Yield the windows from step ``done`` on, with their measured speed."""
    recipe, steps = trainer.train_step.recipe, trainer.steps
    starts = [window.step for window in windows(recipe.phases(), recipe.borders) if window.step < steps]
    spans = [(max(start, done), end) for start, end in zip(starts, [*starts[1:], steps], strict=True) if end > done]
    for start, end in spans:
        trainer.step = start
        yield Window(end - start, seconds_per_step(trainer, end, seconds / len(spans)))


def seconds_per_step(trainer: Trainer, end: int, seconds: float) -> float:
    """Return the median time of a step in laps of equal length, which take about ``seconds``; none goes beyond ``end``.

    A lap is a whole number of periods of the phases, unless fewer steps are left.
    """
    first = trainer.step
    once = min(period_of(trainer), end - first)

    def lap(steps: int) -> float:
        if trainer.step + steps > end:
            trainer.step = first
        return seconds_of(trainer, steps) / steps

    rough = once * min(_repeated(lambda: lap(once), WARM_UP, seconds))  # the first rounds are slow
    length = min(end - first, once * max(1, round(seconds / LAPS / rough)))
    return statistics.median_low(_repeated(lambda: lap(length), LAPS, seconds))


def _repeated(work: Callable[[], float], most: int, seconds: float) -> list[float]:
    """Return what ``work`` returns each time: once at least, and until it has taken ``seconds``."""
    found, began = [work()], time.perf_counter()
    while len(found) < most and time.perf_counter() - began < seconds:
        found.append(work())
    return found


def _draw(trainer: Trainer, preview: Preview) -> object:
    with trainer.train_step.ema.swapped_in() as recipe:
        return png(preview.draw(recipe, 0).image)


def _save(trainer: Trainer) -> object:
    """Make what the files of a checkpoint and of a model hold."""
    tensors, _ = capture(trainer)
    return seal(tensors, "estimate", {}), seal(trainer.train_step.recipe.state_dict(), "estimate", {})


def _seconds(work: Callable[[], object]) -> float:
    """Return the time of ``work`` the second time, as the first one loads libraries."""
    work()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _times(every: int, done: int, steps: int) -> int:
    """Return how often something is made every ``every`` steps, and after the last one; never where that is 0."""
    if not every or done >= steps:
        return 0
    return steps // every - done // every + (steps % every > 0)


def count_parameters(selection: Selection, data: Mapping[str, DataSpec]) -> Mapping[str, int]:
    """Return the parameters by network, which need no data."""
    return parameter_counts(build_recipe(selection, data, "meta"))
