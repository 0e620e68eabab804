"""One step of a training: every phase that is due, with its losses, gradients and updates, on the device alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch

from ganzoo.batches.batches import Batches, Feed
from ganzoo.contract.optimization import Progress
from ganzoo.contract.recipe import Batch, Outcome, Recipe
from ganzoo.contract.step_context import Clock
from ganzoo.health.anomaly import Entry, Guard
from ganzoo.randomness import Share, Streams, key
from ganzoo.step.ema import Averages
from ganzoo.step.phase_optimizer import Player
from ganzoo.step.precision import Precision
from ganzoo.step.processes import Team
from ganzoo.step.running_means import Tally

Loss = Callable[[Batch, Clock], Outcome]
Feeds = Sequence[Mapping[str, Feed]]
Divided = Sequence[Sequence[tuple[Share, Batch]]]
"""For each batch of a step, a share of it for each pass."""


@final
class Game:
    """Plays steps of a recipe. What a step reads of the host is set by :meth:`begin`; :meth:`play` never asks it.

    A batch is divided among the processes of ``team``, and each process's part into ``passes`` whose gradients add up.
    """

    def __init__(
        self,
        recipe: Recipe,
        players: Sequence[Player],
        batches: Mapping[str, Batches],
        averages: Averages,
        streams: Streams,
        seed: int,
        steps: int,
        precision: Precision,
        team: Team,
        guard: Guard,
        passes: int = 1,
    ):
        self.recipe, self.players, self.batches = recipe, tuple(players), batches
        self.averages, self.streams, self.steps = averages, streams, steps
        self.team, self.tally, self.guard = team, Tally(streams.device), guard
        self.losses: dict[str, Loss] = {player.phase.name: player.phase.loss for player in players}
        self._seed, self._precision = seed, precision
        mine = team.share
        self._shares = [Share(mine.index * passes + number, mine.count * passes) for number in range(passes)]

    def begin(self, step: int, due: Sequence[Player]) -> None:
        """Set what depends on the number of the step: rates, decay, random numbers."""
        for player in due:
            player.set_rate(Progress(step, self.steps))
        self.averages.begin(step)
        self.streams.begin(step)
        rank = self.team.share.index
        _seed_networks(key(self._seed, f"networks/{rank}" if rank else "networks", step), self.streams.device)
        self.recipe.before_step(Clock(step, self.steps, "before", 0, self.streams))

    def play(self, due: Sequence[Player], feeds: Feeds, step: int, stands: bool = False) -> None:
        """Play the phases of ``due`` on ``feeds``, one for each batch that the step takes.

        Where ``stands``, the step is being recorded, and must not depend on its number.
        """
        divided = self.divided(feeds)
        for player in due:
            player.take_turn()
            for update in range(player.phase.updates):
                player.forget_gradients()
                self.guard.begin()
                outcomes = self.push(player, update, divided, step, stands)
                self.team.average_gradients(player.parameters)
                self._update(player, Entry(player.phase.name, update), outcomes, divided, step, stands)
        self.averages.update()

    def _update(
        self, player: Player, entry: Entry, outcomes: Sequence[Outcome], divided: Divided, step: int, stands: bool
    ) -> None:
        """Make an update, and count what was found, unless it is not sound."""
        if stands:
            sound = self.guard.update_recorded(player, entry, outcomes)
            for outcome in outcomes:
                self.tally.add_if(sound, entry.phase, outcome)
        elif self.guard.update(player, entry, step, outcomes, divided[0][0][1]):
            for outcome in outcomes:
                self.tally.add(entry.phase, outcome)

    def push(self, player: Player, update: int, divided: Divided, step: int, stands: bool = False) -> Sequence[Outcome]:
        """Add the gradients of one update of a phase, pass by pass, and return what each pass found."""
        phase, outcomes = player.phase, []
        for share, batch in divided[update if phase.fresh_data else 0]:
            clock = Clock(step, self.steps, phase.name, update, self.streams, share, stands)
            with self._precision.computing():
                outcome = self.losses[phase.name](batch, clock)
            total = outcome.total()
            (total if len(self._shares) == 1 else total / len(self._shares)).backward()
            outcomes.append(outcome)
        return outcomes

    def divided(self, feeds: Feeds) -> Divided:
        """Return this process's part of each batch of a step as networks receive it."""
        return [self._passes(feed) for feed in feeds]

    def _passes(self, feeds: Mapping[str, Feed]) -> list[tuple[Share, Batch]]:
        batch = {slot: self.batches[slot].make(feed) for slot, feed in feeds.items()}
        if len(self._shares) == 1:
            return [(self._shares[0], batch)]
        chunks = {
            slot: {name: values.chunk(len(self._shares)) for name, values in fields.items()}
            for slot, fields in batch.items()
        }
        return [
            (share, {slot: {name: parts[place] for name, parts in fields.items()} for slot, fields in chunks.items()})
            for place, share in enumerate(self._shares)
        ]


def _seed_networks(seed: int, device: torch.device) -> None:
    """Seed what layers such as dropout draw from."""
    # torch.manual_seed goes round all devices, at every step.
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    elif device.type == "cuda":
        torch.cuda.manual_seed(seed)
    else:
        torch.manual_seed(seed)
