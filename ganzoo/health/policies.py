"""What a training does about an update that is not finite, and about a generator that has collapsed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, final

from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import TrainingFailed
from ganzoo.health.anomaly import Fault
from ganzoo.health.finite import first_non_finite
from ganzoo.step.phase_optimizer import Player
from ganzoo.step.train_step import Game

PATIENCE = 10  # updates left out one step after the other, or returns to one save, before it ends the training

GoBack = Callable[[], int]
"""Brings networks, averages and optimizers to the newest save, and returns the number of its step."""


@dataclass
class History:
    """What was done so far: updates left out, the last step with one and how many in a row, and returns to a save."""

    left_out: int = 0
    last: int = -1
    in_a_row: int = 0
    went_back_to: int = -1
    times: int = 0


class Remedy(ABC):
    """What to do about a fault."""

    def __init__(self, history: History, warn: Callable[[str], None]):
        self.history, self.warn = history, warn

    @abstractmethod
    def answer(self, fault: Fault, game: Game, go_back: GoBack) -> None:
        """Deal with ``fault``, or raise :class:`TrainingFailed`."""


_INSTEAD = {
    "not finite": "; or go on from the last save with --resume --on-non-finite skip, which leaves such updates out",
    "collapsed": "",
}


@final
class Stop(Remedy):
    """End the training."""

    def answer(self, fault: Fault, game: Game, go_back: GoBack) -> None:
        """End the training."""
        raise TrainingFailed(f"{_told(fault)}: {_advice(fault, game)}{_INSTEAD[fault.kind]}")


@final
class GoOn(Remedy):
    """Tell of it, and go on: what is not finite has been left out."""

    _collapses = 0

    def answer(self, fault: Fault, game: Game, go_back: GoBack) -> None:
        """Tell of it, unless it happens again and again."""
        done = self.history
        if fault.kind == "collapsed":
            self._collapses += 1
            if _rare(self._collapses):
                self.warn(f"{_told(fault)}: {_advice(fault, game)}")
            return
        if broken := first_non_finite(game.recipe.state_dict()):
            raise TrainingFailed(f"{_told(fault)}, and so is {broken}, which leaving updates out cannot mend")
        done.in_a_row = done.in_a_row + 1 if fault.step - done.last <= _player(fault, game).phase.every else 1
        done.last, done.left_out = fault.step, done.left_out + 1
        if done.in_a_row > PATIENCE:
            raise TrainingFailed(f"{_told(fault)}, the {done.in_a_row}th time in a row: {_advice(fault, game)}")
        if _rare(done.left_out):
            self.warn(f"left out an update ({done.left_out} so far): {_told(fault)}")


@final
class RollBack(Remedy):
    """Go back to the newest save, and on with the numbers of the next step: those of this one would do it again."""

    def answer(self, fault: Fault, game: Game, go_back: GoBack) -> None:
        """Go back, unless that save has led here again and again."""
        done = self.history
        step = go_back()
        done.times = done.times + 1 if step == done.went_back_to else 1
        done.went_back_to = step
        if done.times > PATIENCE:
            raise TrainingFailed(
                f"{_told(fault)}, as it was {PATIENCE} times since the save of step {step}: {_advice(fault, game)}"
            )
        self.warn(f"{_told(fault)}: went back to what was saved after {step} steps")


REMEDIES: Mapping[str, type[Remedy]] = {"stop": Stop, "skip": GoOn, "warn": GoOn, "roll-back": RollBack}


@final
class Remedies:
    """The remedy for each kind of fault; what they have done is part of a save."""

    def __init__(self, settings: RunSettings, warn: Callable[[str], None]):
        self.history = History()
        chosen = {"not finite": settings.on_non_finite, "collapsed": settings.on_collapse}
        self._remedies = {kind: REMEDIES[name](self.history, warn) for kind, name in chosen.items() if name in REMEDIES}

    def answer(self, faults: Sequence[Fault], game: Game, go_back: GoBack) -> None:
        """Deal with the faults of a step, the first of each kind; raises :class:`TrainingFailed` where it ends."""
        for kind, fault in {fault.kind: fault for fault in reversed(faults)}.items():
            self._remedies[kind].answer(fault, game, go_back)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes, as JSON values."""
        return asdict(self.history)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        for name in asdict(self.history):
            setattr(self.history, name, int(state[name]))


def _told(fault: Fault) -> str:
    return f"{fault.what} at step {fault.step}"


def _advice(fault: Fault, game: Game) -> str:
    rate = _player(fault, game).rate
    return f"lower the learning rate of that phase ({rate:g} now), or choose another loss or penalty"


def _rare(times: int) -> bool:
    """Return whether something is worth telling again: the 1st, 2nd, 4th, 8th, … time."""
    return times & (times - 1) == 0


def _player(fault: Fault, game: Game) -> Player:
    return next(player for player in game.players if player.phase.name == fault.phase)
