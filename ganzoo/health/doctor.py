"""Looks at a training every so often, and says once what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, final

import torch
from torch import Tensor

from ganzoo.batches.batches import Batches
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import UserError
from ganzoo.health.checks import CHECKS
from ganzoo.health.diagnosis import Diagnosis, empty_state
from ganzoo.health.look import Look, Reference

IN_A_ROW = 2  # looks that must notice a failure: one may be a moment of the training
GONE_AFTER = 5  # looks that do not notice it, after which it would be told again
FAIR_START = 100  # steps in which no generator can do much; a look before only remembers where it began
FAIR_SHARE = 25  # a training of so many times as many steps has a longer start: one in 25 of them


class Trained(Protocol):
    """What a doctor needs of a phase: its name, and the parameters that it trains, with their last gradients."""

    name: str
    parameters: list[torch.nn.Parameter]


@final
class Doctor:
    """Diagnoses a training of ``recipe``: every check of :data:`~ganzoo.health.checks.CHECKS` that applies to it.

    It never changes the training: networks are in evaluation mode during a look, noise has a stream of its own, and no
    gradient is computed. What :data:`IN_A_ROW` looks notice is told, and told again only after it was gone.
    """

    def __init__(
        self,
        recipe: Recipe,
        phases: Sequence[Trained],
        batches: Mapping[str, Batches],
        seed: int,
        steps: int,
        warn: Callable[[str], None],
    ):
        self._recipe, self._phases, self._batches, self._seed, self._warn = recipe, phases, batches, seed, warn
        self._fair_start = max(FAIR_START, steps // FAIR_SHARE)
        self._real: Reference | None = None
        self._state: dict[str, Any] = dict(empty_state())
        self._blind = False

    def watch(self) -> None:
        """Remember how large gradients are in the first steps, for later looks to compare theirs with."""
        self._gradients()

    def look(self, step: int, values: Mapping[str, float]) -> Sequence[Diagnosis]:
        """Return what a look after ``step`` steps finds new; ``values`` are the watched values of the steps before."""
        if self._blind:
            return []
        with torch.no_grad(), self._recipe.evaluating():
            try:
                self._real = self._real or Reference(self._recipe, self._batches)
            except UserError as problem:
                self._blind = True
                self._warn(f"the training is not diagnosed, as no real examples can be compared with it: {problem}")
                return []
            look = Look(self._recipe, self._real, values, self._gradients(), self._state["before"], self._seed)
            if not bool(look.flat.isfinite().all()):  # the anomaly check speaks of such numbers
                self._state["before"] = {}
                return []
            fair = step >= self._fair_start
            noticed = {check: check.notice(look) for check in CHECKS if fair and check.applies(look)}
            self._state["before"] = dict(look.trace())
        return [
            Diagnosis(step, check.name, check.what, said, check.advice)
            for check, said in noticed.items()
            if self._is_new(check.name, bool(said))
        ]

    def state(self) -> dict[str, Any]:
        """Return the state for :meth:`restore`, as JSON values; the keys are part of the checkpoint format."""
        copy: dict[str, Any] = json.loads(json.dumps(self._state))
        return copy

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``."""
        self._state = json.loads(json.dumps(dict(state)))

    def _is_new(self, name: str, noticed: bool) -> bool:
        """Count the looks in a row that noticed a failure, and return whether it is to be told now."""
        seen, told = self._state["seen"], self._state["told"]
        seen[name] = seen.get(name, 0) + 1 if noticed else 0
        is_new = seen[name] >= IN_A_ROW and name not in told
        if is_new or (noticed and name in told):
            told[name] = 0
        elif name in told:
            told[name] += 1
            if told[name] == GONE_AFTER:
                del told[name]
        return is_new

    def _gradients(self) -> Mapping[str, float]:
        """Return the size of the last gradient of each phase, as a share of the largest so far."""
        peaks, shares = self._state["peaks"], dict[str, float]()
        for phase in self._phases:
            gradients = [parameter.grad for parameter in phase.parameters if parameter.grad is not None]
            if gradients:
                size = _size(gradients)
                if not math.isfinite(size):
                    continue
                peaks[phase.name] = max(peaks.get(phase.name, 0.0), size)
                shares[phase.name] = size / (peaks[phase.name] or 1.0)
        return shares


def _size(gradients: Sequence[Tensor]) -> float:
    return float(torch.stack(torch._foreach_norm(list(gradients))).float().norm())
