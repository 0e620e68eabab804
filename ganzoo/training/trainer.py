"""The generic trainer: step after step, with reports, pictures and saves at intervals."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch

from ganzoo.batches.batches import Feed
from ganzoo.contract.recipe import Phase
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.health.policies import GoBack, Remedies
from ganzoo.step.execution import Execution
from ganzoo.step.train_step import Game
from ganzoo.training.observers import Observer, Report
from ganzoo.training.preview import Preview
from ganzoo.training.stop import Stop


@dataclass(frozen=True)
class Pace:
    """Steps between two reports, pictures, saves and evaluations (0 makes none), and when to stop early."""

    log_every: int
    sample_every: int
    checkpoint_every: int
    evaluate_every: int
    stop: Stop


@final
class Trainer:
    """Trains a recipe on batches, step by step; everything it draws depends on (seed, stream, step) alone."""

    def __init__(self, game: Game, execution: Execution, remedies: Remedies):
        self.game, self.execution, self.remedies = game, execution, remedies
        self.step, self.seconds = 0, 0.0
        self._batches_per_step = batches_per_step([player.phase for player in game.players])

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return self.game.steps

    @property
    def images(self) -> int:
        """Real examples used so far."""
        size = max((batches.order.batch_size for batches in self.game.batches.values()), default=0)
        return self.step * self._batches_per_step * size

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self.game.streams.device

    def run(
        self,
        observers: Sequence[Observer],
        pace: Pace,
        preview: Preview,
        save: Callable[[], None],
        examine: Callable[[], Mapping[str, float]],
        go_back: GoBack,
    ) -> None:
        """Train until ``steps`` are done or a stop is asked for.

        It reports, draws, saves and evaluates (``examine`` returns scores) at intervals and at the end. What the
        guard finds is answered after the step, and before anything is written.
        """
        if self.step == 0:
            self._draw(observers, preview)
        began, since, saved_after = time.perf_counter(), self.step, -1
        while self.step < self.steps and not self._stopped(pace.stop):
            self._step_or_save(save)
            for observer in observers:
                observer.stepped(self.step)
            draws, examines = self._due(pace.sample_every), self._due(pace.evaluate_every)
            # What was evaluated may be the best, to which one wants to be able to go back.
            saves = self._due(pace.checkpoint_every) or (examines and pace.checkpoint_every > 0)
            self.remedies.answer(self.game.guard.faults(wait=draws or examines or saves), self.game, go_back)
            scores: Mapping[str, float] = {}
            if examines:
                self._refuse_non_finite(self._means()[0])
                paused = time.perf_counter()
                scores = examine()
                began += time.perf_counter() - paused
            if examines or self._due(pace.log_every):
                report = self._report(began, since, scores)
                for observer in observers:
                    observer.reported(report)
                began, since = time.perf_counter(), self.step
            if draws:
                began += self._draw(observers, preview)
            if saves:
                self._refuse_non_finite(self._means()[0])
                began += _timed(save)
                saved_after = self.step
        if pace.stop.asked and saved_after < self.step:
            self.remedies.answer(self.game.guard.faults(wait=True), self.game, go_back)
            save()

    def prepare(self) -> None:
        """Make ready for the first step; raises :class:`UserError` where it could not be carried out."""
        self.game.recipe.train()
        self.execution.prepare(self._feeds)

    def train_step(self) -> None:
        """Play every phase that is due once."""
        # All of the step's data before any of its updates: what cannot be read must not leave half a step behind.
        feeds = self._feeds()
        due = [player for player in self.game.players if player.due(self.step)]
        self.game.begin(self.step, due)
        self.execution.play(due, feeds, self.step)
        self.step += 1

    def _step_or_save(self, save: Callable[[], None]) -> None:
        """Make a step; where its data cannot be read, save what was done before and raise :class:`TrainingFailed`."""
        try:
            self.train_step()
        except UserError as problem:
            try:
                save()
            except TrainingFailed as unsaved:
                raise TrainingFailed(f"{problem} (and it could not be saved: {unsaved})") from problem
            saved = f" (saved after {self.step} steps; --resume goes on)" if self.game.team.leads else ""
            raise TrainingFailed(f"{problem}{saved}") from problem

    def _due(self, every: int) -> bool:
        """Return whether the step that was just made ends an interval; the last one ends all that there are."""
        return every > 0 and (self.step == self.steps or self.step % every == 0)

    def _feeds(self) -> list[dict[str, Feed]]:
        first = self.step * self._batches_per_step
        return [
            {slot: batches.feed(first + place) for slot, batches in self.game.batches.items()}
            for place in range(self._batches_per_step)
        ]

    def _stopped(self, stop: Stop) -> bool:
        """Return whether to stop: all processes of a team after the same step, whichever of them was signalled."""
        heard = self.game.team.any(stop.signal or 0)
        if heard:
            stop.signal = heard
            self.game.tally.share(self.game.team.average)
        return bool(heard)

    def _means(self) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
        """Return what was found since the last report, over all processes: all of them must ask."""
        self.game.tally.share(self.game.team.average)
        return self.game.tally.means()

    def _report(self, began: float, since: int, scores: Mapping[str, float]) -> Report:
        terms, values = self._means()
        self.game.tally.clear()
        took = time.perf_counter() - began
        self.seconds += took
        self._refuse_non_finite(terms)
        rates = {player.phase.name: player.rate for player in self.game.players}
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
            with self.game.averages.in_place() as recipe:
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
