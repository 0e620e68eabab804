"""Mode collapse: how far apart generated examples lie, compared with real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.contract.recipe import Batch, Generated, Recipe

ALIVE = 0.1  # of the spread of real examples: a generator that has come so far has learnt to differ
COLLAPSED = 0.01  # below that, one that had learnt it makes the same example again and again
ROWS = 4  # of each class in a batch, from which the spread within classes says something


@final
class CollapseDetector:
    """Notices when generated examples have become all alike.

    It measures the root mean square distance of examples from their mean, within classes where there are enough of
    each, as a share of that of the first real batch.
    """

    def __init__(self, recipe: Recipe, device: torch.device, average: Callable[[Tensor], Tensor], watched: bool):
        """Look, if ``watched``, at what ``recipe`` generates; ``average`` means over processes."""
        self.device, self.watched = device, watched
        self._average, self._output, self._condition = average, recipe.output, recipe.condition
        field = recipe.condition_field
        self._classes = field.classes if field is not None and field.kind == "class" else 0
        self._real, self._alive = 0.0, False

    def compare_with(self, batch: Batch) -> None:
        """Take the real examples of ``batch`` for a measure, if there is none yet."""
        if not self.watched or self._real:
            return
        real = batch[self._output.slot][self._output.field]
        given = batch[self._condition.slot][self._condition.field] if self._condition is not None else None
        # Real examples that are all alike are no measure: then nothing is ever below it.
        self._real = float(self._average(self._measure(Generated(real, given)))) or 1e-30

    def of(self, made: Generated) -> Tensor:
        """Return the spread of what was made, a scalar."""
        return self._measure(made) / self._real

    def collapsed(self, share: float) -> bool:
        """Return whether examples have just become all alike; once, until they differ again."""
        if share >= ALIVE:
            self._alive = True
        collapsed = self._alive and share < COLLAPSED  # examples that are not finite are no more alike than different
        self._alive &= not collapsed
        return collapsed

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` takes, as JSON values."""
        return {"real": self._real, "alive": self._alive}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from ``state``."""
        self._real, self._alive = float(state["real"]), bool(state["alive"])

    @torch.no_grad()
    def _measure(self, made: Generated) -> Tensor:
        values = made.values.detach().flatten(1).float()
        centre = values.mean(0)
        if made.condition is not None and self._classes and len(values) >= ROWS * self._classes:
            members = F.one_hot(made.condition, self._classes).to(values)
            centre = (members.T @ values / members.sum(0).clamp(min=1).unsqueeze(1))[made.condition]
        return (values - centre).square().mean().sqrt()
