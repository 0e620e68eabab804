"""The generic trainer: for each phase, freeze what it does not train, add its terms, step its optimizer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ganzoo.engine.assembly import freeze_all_but
from ganzoo.engine.averages import Averages
from ganzoo.engine.batches import Batches
from ganzoo.engine.observers import Observer, Report
from ganzoo.engine.preview import Preview
from ganzoo.engine.signals import Stop
from ganzoo.errors import TrainingFailed, UserError
from ganzoo.interfaces import Progress, Schedule
from ganzoo.randomness import Streams, key
from ganzoo.recipe import Batch, Clock, Outcome, Phase, Recipe


@dataclass(frozen=True)
class Player:
    """A phase with what moves its networks."""

    phase: Phase
    optimizer: torch.optim.Optimizer
    schedule: Schedule
    rates: tuple[float, ...]

    @staticmethod
    def of(phase: Phase, optimizer: torch.optim.Optimizer, schedule: Schedule) -> Player:
        """Return the player of ``phase``; the learning rates that ``optimizer`` has now are the base rates."""
        return Player(phase, optimizer, schedule, tuple(group["lr"] for group in optimizer.param_groups))

    def set_rate(self, progress: Progress) -> None:
        """Set the learning rates for a step."""
        factor = self.schedule.factor(progress)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor


@dataclass(frozen=True)
class Pace:
    """Steps between two reports, pictures and saves (0 saves none), and when to stop early."""

    log_every: int
    sample_every: int
    checkpoint_every: int
    stop: Stop


class Trainer:
    """Trains a recipe on batches, step by step; everything it draws depends on (seed, stream, step) alone."""

    def __init__(
        self,
        recipe: Recipe,
        players: Sequence[Player],
        batches: Mapping[str, Batches],
        averages: Averages,
        streams: Streams,
        steps: int,
    ):
        self.recipe, self.players, self.averages, self.steps = recipe, tuple(players), averages, steps
        self.step, self.seconds = 0, 0.0
        self._batches, self._streams = batches, streams
        self._batches_per_step = batches_per_step([player.phase for player in players])
        self.tally = Tally()

    @property
    def images(self) -> int:
        """Real examples used so far."""
        return self.step * self._batches_per_step * self._batch_size

    @property
    def _batch_size(self) -> int:
        return max((batches.order.batch_size for batches in self._batches.values()), default=0)

    @property
    def device(self) -> torch.device:
        """The device that computes."""
        return self._streams.device

    def run(self, observers: Sequence[Observer], pace: Pace, preview: Preview, save: Callable[[], None]) -> None:
        """Train until ``steps`` are done or a stop is asked for; report, draw and save at intervals and at the end."""
        self.recipe.train()
        if self.step == 0:
            self._draw(observers, preview)
        began, since = time.perf_counter(), self.step
        while self.step < self.steps and not pace.stop.asked:
            try:
                self.train_step()
            except UserError as problem:
                save()
                raise TrainingFailed(f"{problem} (saved after {self.step} steps; --resume goes on)") from problem
            for observer in observers:
                observer.stepped(self.step)
            last = self.step == self.steps
            if last or self.step % pace.log_every == 0:
                report = self._report(began, since)
                for observer in observers:
                    observer.reported(report)
                began, since = time.perf_counter(), self.step
            if last or self.step % pace.sample_every == 0:
                began += self._draw(observers, preview)
            if pace.checkpoint_every and (last or self.step % pace.checkpoint_every == 0) and not pace.stop.asked:
                self._refuse_non_finite(self.tally.means()[0])
                began += _timed(save)
        if pace.stop.asked:
            save()

    def train_step(self) -> None:
        """Play every phase that is due once."""
        step = self.step
        torch.manual_seed(key(self._streams.seed, "networks", step))
        self.recipe.before_step(self._clock("before", 0))
        # All of the step's data before any of its updates: what cannot be read must not leave half a step behind.
        batches = [self._batch(place) for place in range(self._batches_per_step)]
        for player in self.players:
            phase = player.phase
            if step % phase.every:
                continue
            player.set_rate(Progress(step, self.steps))
            freeze_all_but(self.recipe, phase)
            for update in range(phase.updates):
                data = batches[update if phase.fresh_data else 0]
                outcome = phase.loss(data, self._clock(phase.name, update))
                player.optimizer.zero_grad(set_to_none=True)
                outcome.total().backward()
                player.optimizer.step()
                self.tally.add(phase.name, outcome)
        self.averages.update(step)
        self.step += 1

    def _batch(self, place: int) -> Batch:
        number = self.step * self._batches_per_step + place
        return {slot: batches.get(number) for slot, batches in self._batches.items()}

    def _clock(self, phase: str, update: int) -> Clock:
        return Clock(self.step, self.steps, phase, update, self._streams)

    def _report(self, began: float, since: int) -> Report:
        terms, values = self.tally.means()
        self.tally.restore({}, {})
        took = time.perf_counter() - began
        self.seconds += took
        self._refuse_non_finite(terms)
        rates = {player.phase.name: player.optimizer.param_groups[0]["lr"] for player in self.players}
        speed = (self.step - since) / took if took > 0 else 0.0
        return Report(self.step, self.seconds, self.images, speed, terms, values, rates)

    def _refuse_non_finite(self, terms: Mapping[str, Mapping[str, float]]) -> None:
        for phase, found in terms.items():
            for name, value in found.items():
                if not math.isfinite(value):
                    raise TrainingFailed(
                        f"term {name!r} of phase {phase!r} is {value} at step {self.step}: "
                        "lower its learning rate, or choose another loss or penalty"
                    )

    def _draw(self, observers: Sequence[Observer], preview: Preview) -> float:
        """Draw, and return the seconds it took: they are no training, and are taken out of the rates."""

        def draw() -> None:
            with self.averages.in_place() as recipe:
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


class Tally:
    """Sums of terms and values on the device, read on the host only when somebody asks."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], Tensor] = {}
        self._counts: dict[tuple[str, str, str], int] = {}

    def add(self, phase: str, outcome: Outcome) -> None:
        """Count one outcome of ``phase``."""
        for role, found in (("term", outcome.terms), ("value", outcome.values)):
            for name, value in found.items():
                entry = (role, phase, name)
                detached = value.detach()
                self._sums[entry] = self._sums[entry] + detached if entry in self._sums else detached
                self._counts[entry] = self._counts.get(entry, 0) + 1

    def means(self) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
        """Return the means since the last restart, terms by phase and values by name."""
        entries = list(self._sums)
        means = torch.stack([self._sums[e].float() / self._counts[e] for e in entries]).tolist() if entries else []
        terms: dict[str, dict[str, float]] = {}
        values: dict[str, float] = {}
        for (role, phase, name), mean in zip(entries, means, strict=True):
            (terms.setdefault(phase, {}) if role == "term" else values)[name] = mean
        return terms, values

    def state(self) -> tuple[dict[tuple[str, str, str], Tensor], dict[tuple[str, str, str], int]]:
        """Return the sums since the last reading and how many values each has."""
        return dict(self._sums), dict(self._counts)

    def restore(self, sums: dict[tuple[str, str, str], Tensor], counts: dict[tuple[str, str, str], int]) -> None:
        """Go on from a :meth:`state`."""
        self._sums, self._counts = sums, counts
