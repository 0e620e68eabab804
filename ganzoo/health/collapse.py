"""Mode collapse: the spread of generated examples, compared with that of real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

import torch
from torch import Tensor

from ganzoo.contract.recipe import Batch, Generated, Recipe

ALIVE = 0.1  # share of the spread of real examples: a generator that reaches it has learnt to vary its examples
COLLAPSED = 0.01  # share below which a generator that had learnt to vary its examples has collapsed
ROWS = 4  # examples of each class in a batch, from which on the spread within classes is meaningful


@final
class CollapseDetector:
    """Detects when all generated examples have become the same (mode collapse).

    The spread is the root mean square distance of examples from their mean, within classes if a batch has enough
    examples of each, divided by the spread of the first real batch. A collapse is a spread below :data:`COLLAPSED`
    after one of at least :data:`ALIVE`.
    """

    def __init__(self, recipe: Recipe, device: torch.device, average: Callable[[Tensor], Tensor], enabled: bool):
        """Watch the output of ``recipe`` if ``enabled``; ``average`` returns the mean over all processes."""
        self.device, self.enabled = device, enabled
        self._average, self._output, self._condition = average, recipe.output, recipe.condition
        field = recipe.condition_field
        self._classes = field.classes if field is not None else 0
        self._real, self._alive = 0.0, False

    def set_reference(self, batch: Batch) -> None:
        """Measure the spread of the real examples of ``batch``, unless it is already known."""
        if not self.enabled or self._real:
            return
        real = batch[self._output.slot][self._output.field]
        condition = batch[self._condition.slot][self._condition.field] if self._condition is not None else None
        # If all real examples are equal, no spread is ever below the limit.
        self._real = float(self._average(self._measure(Generated(real, condition)))) or 1e-30

    def spread_of(self, generated: Generated) -> Tensor:
        """Return the spread of generated examples, a scalar; call :meth:`set_reference` first."""
        return self._measure(generated) / self._real

    def collapsed(self, spread: float) -> bool:
        """Return whether the generator has just collapsed; then ``False`` until its examples vary again."""
        if spread >= ALIVE:
            self._alive = True
        collapsed = self._alive and spread < COLLAPSED  # False if the spread is not finite
        self._alive &= not collapsed
        return collapsed

    def state(self) -> dict[str, Any]:
        """Return the state for :meth:`restore`, as JSON values; the keys are part of the checkpoint format."""
        return {"real": self._real, "alive": self._alive}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from ``state``."""
        self._real, self._alive = float(state["real"]), bool(state["alive"])

    @torch.no_grad()
    def _measure(self, examples: Generated) -> Tensor:
        values = examples.values.detach().flatten(1).float()
        centre = values.mean(0)
        if examples.condition is not None and self._classes and len(values) >= ROWS * self._classes:
            # Not one_hot, which asks the host whether the classes are valid.
            classes = torch.arange(self._classes, device=values.device)
            members = (examples.condition.unsqueeze(1) == classes).to(values)
            centre = (members.T @ values / members.sum(0).clamp(min=1).unsqueeze(1))[examples.condition]
        return (values - centre).square().mean().sqrt()
