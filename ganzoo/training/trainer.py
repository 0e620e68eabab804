"""The training loop of every recipe: steps, with reports, pictures, evaluations and checkpoints at intervals."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch

from ganzoo.batches.batches import Feed
from ganzoo.catalogue.options import Epochs
from ganzoo.contract.recipe import Phase
from ganzoo.contract.working_state import scalar_states
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.doctor import Doctor
from ganzoo.health.policies import AnomalyPolicies, PolicyContext
from ganzoo.randomness import global_generator
from ganzoo.step.execution import Execution
from ganzoo.step.train_step import TrainStep
from ganzoo.training.observers import Observer, Report
from ganzoo.training.preview import Preview
from ganzoo.training.stop import Stop

WATCHED = (1, 2, 4, 8, 16, 32)  # steps whose gradients a diagnosis compares later ones with


@dataclass(frozen=True)
class Intervals:
    """Steps between two reports, pictures, checkpoints, evaluations and diagnoses (0 for none).

    ``stop`` is the signal to stop early.
    """

    log_every: int
    sample_every: int
    checkpoint_every: int
    evaluate_every: int
    stop: Stop
    diagnose_every: int = 0


class Checkpointing(ABC):
    """What a trainer calls at intervals: saving, evaluation and roll-back."""

    @abstractmethod
    def save(self) -> None:
        """Write a checkpoint of the training."""

    @abstractmethod
    def evaluate(self) -> Mapping[str, float]:
        """Return the scores of the current model by label."""

    @abstractmethod
    def roll_back(self) -> int:
        """Restore the training from the newest checkpoint, and return the step of that checkpoint."""


@final
class NoCheckpointing(Checkpointing):
    """Writes and evaluates nothing, for a training whose result is not needed."""

    def save(self) -> None:
        """Do nothing."""

    def evaluate(self) -> Mapping[str, float]:
        """Return no scores."""
        return {}

    def roll_back(self) -> int:
        """Raise :class:`TrainingFailed`: there is no checkpoint."""
        raise TrainingFailed("the training cannot be rolled back: it writes no checkpoints")


@final
class Trainer:
    """Trains a recipe step by step; all of its random numbers depend on (seed, stream, step) alone.

    ``started`` are lines for the user about the weights with which it starts.
    """

    def __init__(
        self,
        train_step: TrainStep,
        execution: Execution,
        policies: AnomalyPolicies,
        doctor: Doctor,
        started: Sequence[str] = (),
    ):
        self.started, self.doctor = started, doctor
        self.train_step, self.execution, self.policies = train_step, execution, policies
        self.step, self.seconds = 0, 0.0
        self._batches_per_step = batches_per_step([phase.phase for phase in train_step.phase_optimizers])
        self._phases = {phase.name: phase for phase in train_step.phase_optimizers}

    @property
    def steps(self) -> int:
        """The number of steps of the whole training."""
        return self.train_step.steps

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps of one pass over the data; of several datasets, over the largest one."""
        per_epoch = max((batches.order.per_epoch for batches in self.train_step.batches.values()), default=1)
        return max(1, per_epoch // self._batches_per_step)

    def in_steps(self, interval: int | Epochs) -> int:
        """Return an interval, which may be given in epochs, as a number of steps."""
        return interval.number * self.steps_per_epoch if isinstance(interval, Epochs) else interval

    @property
    def images(self) -> int:
        """The number of real examples used so far."""
        size = max((batches.order.batch_size for batches in self.train_step.batches.values()), default=0)
        return self.step * self._batches_per_step * size

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self.train_step.streams.device

    def run(
        self, observers: Sequence[Observer], intervals: Intervals, preview: Preview, checkpointing: Checkpointing
    ) -> None:
        """Train until all steps are done or ``intervals.stop`` has received a signal.

        Reports, pictures, evaluations and checkpoints are made at intervals and after the last step. An anomaly is
        handled after its step, and before anything is written.
        """
        if self.step == 0:
            self._take_picture(observers, preview)
            if intervals.diagnose_every:
                self._diagnose(observers)
        began, since, saved_after = time.perf_counter(), self.step, -1
        while self.step < self.steps and not self._stopped(intervals.stop):
            try:
                self.advance()
            except UserError as problem:  # the data cannot be read; no update of this step was made
                raise self._save_and_fail(problem, checkpointing) from problem
            for observer in observers:
                observer.stepped(self.step)
            takes_picture, evaluates = self._due(intervals.sample_every), self._due(intervals.evaluate_every)
            # The evaluated model may be the best one, so a training can be continued from its checkpoint.
            checkpoints = self._due(intervals.checkpoint_every) or (evaluates and intervals.checkpoint_every > 0)
            self._handle_anomalies(checkpointing, wait=takes_picture or evaluates or checkpoints)
            if intervals.diagnose_every and self.step % intervals.diagnose_every == 0:
                self._diagnose(observers)
            elif intervals.diagnose_every and self.step in WATCHED and observers:
                self.doctor.watch()
            scores: Mapping[str, float] = {}
            if evaluates:
                self._refuse_non_finite(self._means()[0])
                paused = time.perf_counter()
                scores = checkpointing.evaluate()
                began += time.perf_counter() - paused
            if evaluates or self._due(intervals.log_every):
                report = self._report(began, since, scores)
                for observer in observers:
                    observer.reported(report)
                began, since = time.perf_counter(), self.step
            if takes_picture:
                began += self._take_picture(observers, preview)
            if checkpoints:
                self._refuse_non_finite(self._means()[0])
                began += _timed(checkpointing.save)
                saved_after = self.step
        if intervals.stop.requested and saved_after < self.step:
            self._handle_anomalies(checkpointing, wait=True)
            checkpointing.save()

    def prepare(self) -> None:
        """Prepare the first step; raises :class:`UserError` if the execution cannot be prepared."""
        self.train_step.recipe.train()
        self.execution.prepare(self._feeds)

    def advance(self) -> None:
        """Make the next step, with every phase that is due."""
        # Read all data of the step before its first update: an error in the data must not leave half a step.
        feeds = self._feeds()
        due = [phase for phase in self.train_step.phase_optimizers if phase.due(self.step)]
        with global_generator:  # another thread may load a model between two steps
            self.train_step.begin(due, self.step)
            self.execution.run(due, feeds, self.step)
        self.step += 1

    def _save_and_fail(self, problem: UserError, checkpointing: Checkpointing) -> TrainingFailed:
        """Write a checkpoint before a step that cannot be made, and return the error that reports both."""
        try:
            checkpointing.save()
        except TrainingFailed as unsaved:
            return TrainingFailed(f"{problem} (and it could not be saved: {unsaved})")
        is_first = self.train_step.processes.is_first
        saved = f" (saved after {self.step} steps; continue with --resume)" if is_first else ""
        return TrainingFailed(f"{problem}{saved}")

    def _handle_anomalies(self, checkpointing: Checkpointing, wait: bool) -> None:
        """Handle the anomalies since the last call; with ``wait``, including those of a replayed last step."""
        anomalies = self.train_step.anomaly_check.anomalies(wait)
        if anomalies:
            context = PolicyContext(self.train_step.recipe, self._phases, checkpointing.roll_back)
            self.policies.handle(anomalies, context)

    def _due(self, every: int) -> bool:
        """Return whether the current step ends an interval of ``every`` steps; the last step ends every interval."""
        return every > 0 and (self.step == self.steps or self.step % every == 0)

    def _feeds(self) -> list[dict[str, Feed]]:
        first = self.step * self._batches_per_step
        return [
            {slot: batches.feed(first + number) for slot, batches in self.train_step.batches.items()}
            for number in range(self._batches_per_step)
        ]

    def _stopped(self, stop: Stop) -> bool:
        """Return whether to stop; all processes stop after the same step, whichever of them received the signal."""
        signal = self.train_step.processes.max_flag(stop.signal or 0)
        if signal:
            stop.signal = signal
            self._share_means()
        return bool(signal)

    def _share_means(self) -> None:
        self.train_step.running_means.share(self.train_step.processes.average)

    def _means(self) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
        """Return the means since the last report over all processes, which must all call this together."""
        self._share_means()
        return self.train_step.running_means.means()

    def _report(self, began: float, since: int, scores: Mapping[str, float]) -> Report:
        terms, values = self._means()
        self.train_step.running_means.clear()
        elapsed = time.perf_counter() - began
        self.seconds += elapsed
        self._refuse_non_finite(terms)
        rates = {name: phase.learning_rate for name, phase in self._phases.items()}
        speed = (self.step - since) / elapsed if elapsed > 0 else 0.0
        states = scalar_states(self.train_step.recipe)
        watched = {**values, **{name: state for name, state in states.items() if name not in values}}
        return Report(self.step, self.seconds, self.images, speed, terms, watched, rates, scores)

    def _refuse_non_finite(self, terms: Mapping[str, Mapping[str, float]]) -> None:
        for phase, phase_terms in terms.items():
            for name, value in phase_terms.items():
                if not math.isfinite(value):
                    raise TrainingFailed(
                        f"term {name!r} of phase {phase!r} is {value} at step {self.step}: "
                        "lower its learning rate, or choose another loss or penalty"
                    )

    def _diagnose(self, observers: Sequence[Observer]) -> None:
        """Tell the observers, if there are any, what is wrong with the training."""
        values = self._means()[1]  # of all processes, so before the first one goes on alone
        for diagnosis in self.doctor.look(self.step, values) if observers else ():
            for observer in observers:
                observer.diagnosed(diagnosis)

    def _take_picture(self, observers: Sequence[Observer], preview: Preview) -> float:
        """Draw a picture if there are observers, and return the seconds, which do not count as training time."""

        def draw() -> None:
            if not observers:
                return
            with self.train_step.ema.swapped_in() as recipe:
                picture = preview.draw(recipe, self.step)
            for observer in observers:
                observer.pictured(picture)

        return _timed(draw)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def batches_per_step(phases: Sequence[Phase]) -> int:
    """Return the number of batches in one step: 1, or the number of updates of a phase with fresh data.

    >>> critic = Phase("critic", ("critic",), None, updates=5, fresh_data=True)
    >>> batches_per_step([critic, Phase("generator", ("generator",), None)])
    5
    """
    return max((phase.updates for phase in phases if phase.fresh_data), default=1)
