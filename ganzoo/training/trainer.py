"""The generic trainer: step after step, with reports, pictures and checkpoints at intervals."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch

from ganzoo.batches.batches import Feed
from ganzoo.contract.recipe import Phase
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.policies import AnomalyPolicies, PolicyContext
from ganzoo.step.execution import Execution
from ganzoo.step.train_step import TrainStep
from ganzoo.training.observers import Observer, Report
from ganzoo.training.preview import Preview
from ganzoo.training.stop import Stop


@dataclass(frozen=True)
class Intervals:
    """Steps between two reports, pictures, checkpoints and evaluations (0 makes none), and when to stop early."""

    log_every: int
    sample_every: int
    checkpoint_every: int
    evaluate_every: int
    stop: Stop


class Saves(ABC):
    """What a trainer asks for at intervals."""

    @abstractmethod
    def save(self) -> None:
        """Save the training as it is now."""

    @abstractmethod
    def evaluate(self) -> Mapping[str, float]:
        """Return scores of the model as it is now."""

    @abstractmethod
    def go_back(self) -> int:
        """Bring the training back to the newest checkpoint, and return its step."""


@final
class NoSaves(Saves):
    """Saves nothing: for a training whose result nobody keeps."""

    def save(self) -> None:
        """Do nothing."""

    def evaluate(self) -> Mapping[str, float]:
        """Return no scores."""
        return {}

    def go_back(self) -> int:
        """Raise :class:`TrainingFailed`: there is no checkpoint."""
        raise TrainingFailed("there is no save to go back to: this training makes none")


@final
class Trainer:
    """Trains a recipe on batches, step by step; everything it draws depends on (seed, stream, step) alone."""

    def __init__(self, train_step: TrainStep, execution: Execution, policies: AnomalyPolicies):
        self.train_step, self.execution, self.policies = train_step, execution, policies
        self.step, self.seconds = 0, 0.0
        self._batches_per_step = batches_per_step([phase.phase for phase in train_step.phase_optimizers])
        self._phases = {phase.name: phase for phase in train_step.phase_optimizers}

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.train_step.steps

    @property
    def images(self) -> int:
        """Real examples used so far."""
        size = max((batches.order.batch_size for batches in self.train_step.batches.values()), default=0)
        return self.step * self._batches_per_step * size

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self.train_step.streams.device

    def run(self, observers: Sequence[Observer], intervals: Intervals, preview: Preview, saves: Saves) -> None:
        """Train until all steps are done or a stop is asked for.

        It reports, draws, saves and evaluates at intervals and at the end. An anomaly is handled after its step, and
        before anything is written.
        """
        if self.step == 0:
            self._draw(observers, preview)
        began, since, saved_after = time.perf_counter(), self.step, -1
        while self.step < self.steps and not self._stopped(intervals.stop):
            try:
                self.advance()
            except UserError as problem:  # data that cannot be read; no update of this step was made
                raise self._saved_before(problem, saves) from problem
            for observer in observers:
                observer.stepped(self.step)
            draws, evaluates = self._due(intervals.sample_every), self._due(intervals.evaluate_every)
            # What was evaluated may be the best, to which one wants to be able to go back.
            checkpoints = self._due(intervals.checkpoint_every) or (evaluates and intervals.checkpoint_every > 0)
            self._handle_anomalies(saves, wait=draws or evaluates or checkpoints)
            scores: Mapping[str, float] = {}
            if evaluates:
                self._refuse_non_finite(self._means()[0])
                paused = time.perf_counter()
                scores = saves.evaluate()
                began += time.perf_counter() - paused
            if evaluates or self._due(intervals.log_every):
                report = self._report(began, since, scores)
                for observer in observers:
                    observer.reported(report)
                began, since = time.perf_counter(), self.step
            if draws:
                began += self._draw(observers, preview)
            if checkpoints:
                self._refuse_non_finite(self._means()[0])
                began += _timed(saves.save)
                saved_after = self.step
        if intervals.stop.asked and saved_after < self.step:
            self._handle_anomalies(saves, wait=True)
            saves.save()

    def prepare(self) -> None:
        """Make ready for the first step; raises :class:`UserError` where it could not be carried out."""
        self.train_step.recipe.train()
        self.execution.prepare(self._feeds)

    def advance(self) -> None:
        """Make the next step: every phase that is due, once."""
        # All of the step's data before any of its updates: what cannot be read must not leave half a step behind.
        feeds = self._feeds()
        due = [phase for phase in self.train_step.phase_optimizers if phase.due(self.step)]
        self.train_step.begin(self.step, due)
        self.execution.run(due, feeds, self.step)
        self.step += 1

    def _saved_before(self, problem: UserError, saves: Saves) -> TrainingFailed:
        """Save what was done before a step that cannot be made, and return the failure that tells of both."""
        try:
            saves.save()
        except TrainingFailed as unsaved:
            return TrainingFailed(f"{problem} (and it could not be saved: {unsaved})")
        leads = self.train_step.processes.leads
        return TrainingFailed(f"{problem}{f' (saved after {self.step} steps; --resume goes on)' if leads else ''}")

    def _handle_anomalies(self, saves: Saves, wait: bool) -> None:
        """Handle what was found since the last call; with ``wait``, in the last step too, if it was replayed."""
        found = self.train_step.anomaly_check.anomalies(wait)
        if found:
            self.policies.handle(found, PolicyContext(self.train_step.recipe, self._phases, saves.go_back))

    def _due(self, every: int) -> bool:
        """Return whether the step that was just made ends an interval; the last one ends all that there are."""
        return every > 0 and (self.step == self.steps or self.step % every == 0)

    def _feeds(self) -> list[dict[str, Feed]]:
        first = self.step * self._batches_per_step
        return [
            {slot: batches.feed(first + place) for slot, batches in self.train_step.batches.items()}
            for place in range(self._batches_per_step)
        ]

    def _stopped(self, stop: Stop) -> bool:
        """Return whether to stop: all processes after the same step, whichever of them was signalled."""
        heard = self.train_step.processes.any(stop.signal or 0)
        if heard:
            stop.signal = heard
            self._share_means()
        return bool(heard)

    def _share_means(self) -> None:
        self.train_step.running_means.share(self.train_step.processes.average)

    def _means(self) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
        """Return the means since the last report, over all processes: all of them must ask."""
        self._share_means()
        return self.train_step.running_means.means()

    def _report(self, began: float, since: int, scores: Mapping[str, float]) -> Report:
        terms, values = self._means()
        self.train_step.running_means.clear()
        took = time.perf_counter() - began
        self.seconds += took
        self._refuse_non_finite(terms)
        rates = {name: phase.rate for name, phase in self._phases.items()}
        speed = (self.step - since) / took if took > 0 else 0.0
        return Report(self.step, self.seconds, self.images, speed, terms, values, rates, scores)

    def _refuse_non_finite(self, terms: Mapping[str, Mapping[str, float]]) -> None:
        for phase, found in terms.items():
            for name, value in found.items():
                if not math.isfinite(value):
                    raise TrainingFailed(
                        f"term {name!r} of phase {phase!r} is {value} at step {self.step}: "
                        "lower its learning rate, or choose another loss or penalty"
                    )

    def _draw(self, observers: Sequence[Observer], preview: Preview) -> float:
        """Draw, if anybody looks, and return the seconds it took: they are no training, and count in no rate."""

        def draw() -> None:
            if not observers:
                return
            with self.train_step.ema.in_place() as recipe:
                picture = preview.draw(recipe, self.step)
            for observer in observers:
                observer.pictured(picture)

        return _timed(draw)


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def batches_per_step(phases: Sequence[Phase]) -> int:
    """Return how many batches one step takes: one, and one more for each further update with data of its own."""
    return max((phase.updates for phase in phases if phase.fresh_data), default=1)
