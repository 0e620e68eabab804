"""The policies for an anomaly: stop the training, skip the update, warn, or roll back to a checkpoint."""

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

MAX_IN_A_ROW = 10  # consecutive skipped updates, or returns to the same checkpoint, before the training ends

RollBackFunction = Callable[[], int]
"""Restores networks, averages and optimizers from the newest checkpoint, and returns the number of its step."""


class TrainedPhase(Protocol):
    """What a policy needs of a phase: it is due every ``every`` steps, and has a learning rate."""

    @property
    def every(self) -> int:
        """Steps from one update to the next."""

    @property
    def learning_rate(self) -> float:
        """The learning rate of the step."""


@dataclass(frozen=True)
class PolicyContext:
    """The training in which an anomaly was found, and the function that rolls it back to its newest checkpoint."""

    recipe: nn.Module
    phases: Mapping[str, TrainedPhase]
    roll_back: RollBackFunction

    def advice(self, anomaly: Anomaly) -> str:
        """Return what the user can change, as a clause."""
        rate = self.phases[anomaly.phase].learning_rate
        return f"lower the learning rate of that phase ({rate:g} now), or choose another loss or penalty"


@dataclass
class PolicyHistory:
    """The actions so far: skipped updates, the step of the last one, how many in a row, and returns to a checkpoint.

    The names of the fields are keys in checkpoints, so they must not change.
    """

    left_out: int = 0
    last: int = -1
    in_a_row: int = 0
    went_back_to: int = -1
    times: int = 0


class AnomalyPolicy(ABC):
    """What to do when an anomaly is found."""

    def __init__(self, history: PolicyHistory, warn: Callable[[str], None]):
        self.history, self.warn = history, warn

    @abstractmethod
    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """Handle ``anomaly``; raises :class:`TrainingFailed` if the training must end."""


_ALTERNATIVE = {
    "not finite": "; or continue from the last checkpoint with --resume --on-non-finite skip, which skips such updates",
    "collapsed": "",
}


@final
class StopTraining(AnomalyPolicy):
    """End the training."""

    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """End the training."""
        raise TrainingFailed(f"{_what(anomaly)}: {context.advice(anomaly)}{_ALTERNATIVE[anomaly.kind]}")


@final
class WarnAndContinue(AnomalyPolicy):
    """Warn, and continue: an update that is not finite was skipped."""

    _collapses = 0

    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """Warn, the more rarely the more often it happens; end the training if it happens too often in a row."""
        history = self.history
        if anomaly.kind == "collapsed":
            self._collapses += 1
            if _is_power_of_two(self._collapses):
                self.warn(f"{_what(anomaly)}: {context.advice(anomaly)}")
            return
        if broken := first_non_finite(context.recipe.state_dict()):
            raise TrainingFailed(f"{_what(anomaly)}, and {broken} is not finite either: skipping updates cannot help")
        consecutive = anomaly.step - history.last <= context.phases[anomaly.phase].every
        history.in_a_row = history.in_a_row + 1 if consecutive else 1
        history.last, history.left_out = anomaly.step, history.left_out + 1
        if history.in_a_row > MAX_IN_A_ROW:
            raise TrainingFailed(f"{_what(anomaly)}, the {history.in_a_row}th time in a row: {context.advice(anomaly)}")
        if _is_power_of_two(history.left_out):
            self.warn(f"skipped an update ({history.left_out} so far): {_what(anomaly)}")


@final
class RollBack(AnomalyPolicy):
    """Return to the newest checkpoint, and continue with the random numbers of the next step.

    With those of this step, the training would fail again.
    """

    def handle(self, anomaly: Anomaly, context: PolicyContext) -> None:
        """Roll back; end the training if the same checkpoint has led to an anomaly too often."""
        history = self.history
        step = context.roll_back()
        history.times = history.times + 1 if step == history.went_back_to else 1
        history.went_back_to = step
        if history.times > MAX_IN_A_ROW:
            raise TrainingFailed(
                f"{_what(anomaly)}, after {MAX_IN_A_ROW} returns to the checkpoint of step {step}: "
                f"{context.advice(anomaly)}"
            )
        self.warn(f"{_what(anomaly)}: rolled back to the checkpoint of step {step}")


POLICIES: Mapping[str, type[AnomalyPolicy]] = {
    "stop": StopTraining,
    "skip": WarnAndContinue,
    "warn": WarnAndContinue,
    "roll-back": RollBack,
}


@final
class AnomalyPolicies:
    """The chosen policy for each kind of anomaly; their common history is part of a checkpoint."""

    def __init__(self, settings: RunSettings, warn: Callable[[str], None]):
        self.history = PolicyHistory()
        chosen = {"not finite": settings.on_non_finite, "collapsed": settings.on_collapse}
        self._policies = {kind: POLICIES[name](self.history, warn) for kind, name in chosen.items() if name in POLICIES}

    def handle(self, anomalies: Sequence[Anomaly], context: PolicyContext) -> None:
        """Handle the first anomaly of each kind in a step; raises :class:`TrainingFailed` if the training must end."""
        for kind, anomaly in {anomaly.kind: anomaly for anomaly in reversed(anomalies)}.items():
            self._policies[kind].handle(anomaly, context)

    def state(self) -> dict[str, Any]:
        """Return the state for :meth:`restore`, as JSON values."""
        return asdict(self.history)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``."""
        for name in asdict(self.history):
            setattr(self.history, name, int(state[name]))


def _what(anomaly: Anomaly) -> str:
    return f"{anomaly.what} at step {anomaly.step}"


def _is_power_of_two(times: int) -> bool:
    return times & (times - 1) == 0
