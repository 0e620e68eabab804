"""What a training does about an anomaly: stop, skip the update, warn, or roll back to a checkpoint."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, final

from torch import nn

from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import TrainingFailed
from ganzoo.health.anomaly import Anomaly
from ganzoo.health.finite import first_non_finite

MOST_IN_A_ROW = 10  # skipped updates one step after the other, or returns to one checkpoint, before a training ends

GoBack = Callable[[], int]
"""Brings networks, averages and optimizers back to the newest checkpoint, and returns the number of its step."""


class TrainedPhase(Protocol):
    """What a policy asks about a phase: every how many steps it is due, and its learning rate now."""

    every: int

    @property
    def rate(self) -> float:
        """The learning rate of the step."""


@dataclass(frozen=True)
class PolicyContext:
    """The training in which an anomaly was found, and how to go back to its newest checkpoint."""

    recipe: nn.Module
    phases: Mapping[str, TrainedPhase]
    go_back: GoBack

    def advice(self, anomaly: Anomaly) -> str:
        """Return what to change."""
        rate = self.phases[anomaly.phase].rate
        return f"lower the learning rate of that phase ({rate:g} now), or choose another loss or penalty"


@dataclass
class PolicyHistory:
    """What was done so far: skipped updates, the last step with one and how many in a row, and returns to a save."""

    left_out: int = 0
    last: int = -1
    in_a_row: int = 0
    went_back_to: int = -1
    times: int = 0


class AnomalyPolicy(ABC):
    """What to do about an anomaly."""

    def __init__(self, history: PolicyHistory, warn: Callable[[str], None]):
        self.history, self.warn = history, warn

    @abstractmethod
    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """Deal with ``anomaly``, or raise :class:`TrainingFailed`."""


_INSTEAD = {
    "not finite": "; or go on from the last save with --resume --on-non-finite skip, which leaves such updates out",
    "collapsed": "",
}


@final
class StopTraining(AnomalyPolicy):
    """End the training."""

    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """End the training."""
        raise TrainingFailed(f"{_what(anomaly)}: {context.advice(anomaly)}{_INSTEAD[anomaly.kind]}")


@final
class SkipAndWarn(AnomalyPolicy):
    """Warn, and go on: an update that is not finite was skipped."""

    _collapses = 0

    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """Warn, unless it happens again and again."""
        done = self.history
        if anomaly.kind == "collapsed":
            self._collapses += 1
            if _rare(self._collapses):
                self.warn(f"{_what(anomaly)}: {context.advice(anomaly)}")
            return
        if broken := first_non_finite(context.recipe.state_dict()):
            raise TrainingFailed(f"{_what(anomaly)}, and so is {broken}, which leaving updates out cannot mend")
        follows = anomaly.step - done.last <= context.phases[anomaly.phase].every
        done.in_a_row = done.in_a_row + 1 if follows else 1
        done.last, done.left_out = anomaly.step, done.left_out + 1
        if done.in_a_row > MOST_IN_A_ROW:
            raise TrainingFailed(f"{_what(anomaly)}, the {done.in_a_row}th time in a row: {context.advice(anomaly)}")
        if _rare(done.left_out):
            self.warn(f"left out an update ({done.left_out} so far): {_what(anomaly)}")


@final
class RollBack(AnomalyPolicy):
    """Go back to the newest checkpoint, and on with the random numbers of the next step: those of this one would fail
    again.
    """

    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """Go back, unless that checkpoint has led here again and again."""
        done = self.history
        step = context.go_back()
        done.times = done.times + 1 if step == done.went_back_to else 1
        done.went_back_to = step
        if done.times > MOST_IN_A_ROW:
            raise TrainingFailed(
                f"{_what(anomaly)}, as it was {MOST_IN_A_ROW} times since the save of step {step}: "
                f"{context.advice(anomaly)}"
            )
        self.warn(f"{_what(anomaly)}: went back to what was saved after {step} steps")


POLICIES: Mapping[str, type[AnomalyPolicy]] = {
    "stop": StopTraining,
    "skip": SkipAndWarn,
    "warn": SkipAndWarn,
    "roll-back": RollBack,
}


@final
class AnomalyPolicies:
    """The chosen policy for each kind of anomaly; what they have done is part of a checkpoint."""

    def __init__(self, settings: RunSettings, warn: Callable[[str], None]):
        self.history = PolicyHistory()
        chosen = {"not finite": settings.on_non_finite, "collapsed": settings.on_collapse}
        self._policies = {kind: POLICIES[name](self.history, warn) for kind, name in chosen.items() if name in POLICIES}

    def handle(self, anomalies: Sequence[Anomaly], context: PolicyContext) -> None:
        """Deal with the anomalies of a step, the first of each kind; raises :class:`TrainingFailed` where it ends."""
        for kind, anomaly in {anomaly.kind: anomaly for anomaly in reversed(anomalies)}.items():
            self._policies[kind].handle(anomaly, context)

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes, as JSON values."""
        return asdict(self.history)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        for name in asdict(self.history):
            setattr(self.history, name, int(state[name]))


def _what(anomaly: Anomaly) -> str:
    return f"{anomaly.what} at step {anomaly.step}"


def _rare(times: int) -> bool:
    """Return whether something is worth telling again: the 1st, 2nd, 4th, 8th, … time."""
    return times & (times - 1) == 0
