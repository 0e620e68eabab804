"""Looking at every update before it is made, so that one that is not finite is left out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Literal, NamedTuple, final

import torch
from torch import Tensor

from ganzoo.contract.recipe import Batch, Outcome, Recipe
from ganzoo.health.collapse import Spread
from ganzoo.step.phase_optimizer import Player
from ganzoo.step.processes import Team


class Fault(NamedTuple):
    """What is wrong with an update, as a clause of a sentence: its phase, and its step, counted from 1."""

    kind: Literal["not finite", "collapsed"]
    phase: str
    step: int
    what: str


class Entry(NamedTuple):
    """Which update of a step it is: its phase, and its number in it."""

    phase: str
    update: int


class _Looked(NamedTuple):
    """The numbers (N,) that tell whether an update is sound: terms, then gradients, then perhaps the spread."""

    terms: tuple[str, ...]
    gradients: tuple[str, ...]
    numbers: Tensor


@final
class Guard:
    """Leaves out updates whose terms or gradients are not finite, and watches how alike made examples are.

    An update that is left out leaves parameters, optimizer and buffers as they were, to the bit. On the host it is
    never made; in a recorded step, where nobody can ask, it is undone on the device, and heard of a step later.
    """

    def __init__(self, recipe: Recipe, players: Sequence[Player], team: Team, spread: Spread, finite: bool):
        self.spread = spread
        self._team, self._finite = team, finite
        self._looks = finite or spread.watched
        self._buffers = list(recipe.buffers()) if finite else []
        self._kept = [buffer.clone() for buffer in self._buffers]
        names = {parameter: name for name, parameter in recipe.named_parameters()}
        self._names = {
            player.phase.name: tuple(names[parameter] for parameter in player.parameters) for player in players
        }
        self._seen: dict[Entry, _Looked] = {}
        self._sent: list[tuple[Entry, int, Tensor]] = []
        self._arrived: torch.cuda.Event | None = None
        self._faults: list[Fault] = []

    def begin(self) -> None:
        """Keep what the forward passes of an update change."""
        if self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)

    def update(self, player: Player, entry: Entry, step: int, outcomes: Sequence[Outcome], real: Batch) -> bool:
        """Make an update and return ``True``, unless it is not finite; ``real`` is a batch that it was made with."""
        if not self._looks:
            player.optimizer.step()
            return True
        self.spread.compare_with(real)
        looked = self._look(player, outcomes)
        if entry not in self._seen:
            self._seen[entry] = looked._replace(numbers=torch.zeros_like(looked.numbers))
        faults = list(self._read(entry, step, looked, looked.numbers.tolist()))
        self._faults += faults
        sound = all(fault.kind == "collapsed" for fault in faults)
        if sound:
            player.optimizer.step()
        elif self._buffers:
            torch._foreach_copy_(self._buffers, self._kept)
        return sound

    def update_recorded(self, player: Player, entry: Entry, outcomes: Sequence[Outcome]) -> Tensor:
        """Make an update in a step that is being recorded, undo it if it is not finite, and return whether it is."""
        sound = torch.ones((), dtype=torch.bool, device=self.spread.device)
        if not self._looks:
            player.optimizer.step()
            return sound
        looked = self._look(player, outcomes)
        self._seen[entry].numbers.copy_(looked.numbers)
        if not self._finite:
            player.optimizer.step()
            return sound
        sound = looked.numbers[: len(looked.terms) + len(looked.gradients)].isfinite().all()
        moved = [*player.parameters, *_state(player.optimizer)]
        before = [value.detach().clone() for value in moved]
        player.optimizer.step()
        with torch.no_grad():
            for value, old in chain(zip(moved, before, strict=True), zip(self._buffers, self._kept, strict=True)):
                value.copy_(torch.where(sound, value, old))
        return sound

    def replayed(self, phases: Sequence[str], step: int) -> None:
        """Ask for what a replayed step of ``phases`` saw; hear it after the next one, so that none is waited for."""
        self._hear()
        entries = [entry for entry in self._seen if entry.phase in phases]
        self._sent = [(entry, step, self._fetch(self._seen[entry].numbers)) for entry in entries]
        if self.spread.device.type == "cuda":
            self._arrived = torch.cuda.Event()
            self._arrived.record()

    def faults(self, wait: bool = False) -> list[Fault]:
        """Return what was found since the last call; with ``wait``, in the last step too, if it was replayed."""
        if wait:
            self._hear()
        found, self._faults = self._faults, []
        return found

    def _fetch(self, numbers: Tensor) -> Tensor:
        host = torch.empty(len(numbers), pin_memory=numbers.device.type == "cuda")
        return host.copy_(numbers, non_blocking=True)

    def _hear(self) -> None:
        if self._arrived is not None:
            self._arrived.synchronize()
        for entry, step, numbers in self._sent:
            self._faults += self._read(entry, step, self._seen[entry], numbers.tolist())
        self._sent, self._arrived = [], None

    def _look(self, player: Player, outcomes: Sequence[Outcome]) -> _Looked:
        """Return the numbers of an update, the same in every process of the team."""
        terms = tuple(term for outcome in outcomes for term in outcome.terms)
        parts = [torch.stack([value.detach().float() for outcome in outcomes for value in outcome.terms.values()])]
        if self._finite:
            parts.append(_sizes(player))
        if self.spread.watched and outcomes[0].made is not None:
            parts.append(self.spread.of(outcomes[0].made).reshape(1))
        gradients = self._names[player.phase.name] if self._finite else ()
        return _Looked(terms, gradients, self._team.average(torch.cat(parts)))

    def _read(self, entry: Entry, step: int, looked: _Looked, numbers: Sequence[float]) -> Iterator[Fault]:
        terms, rest = numbers[: len(looked.terms)], numbers[len(looked.terms) :]
        gradients, spreads = rest[: len(looked.gradients)], rest[len(looked.gradients) :]
        phase = f"phase {entry.phase!r}"
        whats = [f"term {name!r} of {phase} is {value}" for name, value in _bad(looked.terms, terms)]
        whats += [
            f"the gradient of {name} in {phase} is too large or not finite"
            for name, _ in _bad(looked.gradients, gradients)
        ]
        if whats and self._finite:
            yield Fault("not finite", entry.phase, step + 1, whats[0])  # what follows from it is no news
        for share in spreads:
            if self.spread.collapsed(share):
                what = f"the examples that {phase} makes are all alike (their spread is {share:.2%} of the real ones')"
                yield Fault("collapsed", entry.phase, step + 1, what)


def _bad(names: Sequence[str], numbers: Sequence[float]) -> list[tuple[str, float]]:
    return [(name, number) for name, number in zip(names, numbers, strict=True) if not math.isfinite(number)]


def _sizes(player: Player) -> Tensor:
    """Return a number for each parameter (P,) that is finite where the squares of its gradient are.

    Optimizers keep means of squares: one that is infinite would stand for ever.
    """
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in player.parameters]
    if gradients[0].device.type == "cpu":
        # Norms take longer there.
        return torch.stack([flat.dot(flat) for flat in map(torch.flatten, gradients)]).float()
    return torch.stack(torch._foreach_norm(gradients)).float()


def _state(optimizer: torch.optim.Optimizer) -> Iterator[Tensor]:
    for state in optimizer.state.values():
        yield from (value for value in state.values() if isinstance(value, Tensor))
