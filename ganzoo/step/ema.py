"""Exponential moving averages of the networks that a recipe declares as averaged."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.contract.recipe import Recipe


@final
class EMA:
    """Exponential moving averages of networks, including their running statistics (Polyak & Juditsky, 1992).

    The decay of step t (from 0) is min(``decay``, (1 + t) / (10 + t)): it is low in the first steps, so that a short
    run does not average its initial weights. With ``decay`` 0 the average is the network itself.

    >>> [round(decay_at(step, 0.999), 3) for step in (0, 90, 8_989, 100_000)]
    [0.1, 0.91, 0.999, 0.999]
    """

    def __init__(self, recipe: Recipe, decay: float):
        self._recipe, self._decay = recipe, decay
        self._weight: float | Tensor = 1.0  # of the network in the next average; the average has the rest
        names = recipe.averaged if decay > 0 else ()
        self.networks = {name: copy.deepcopy(recipe.get_submodule(name)) for name in names}
        for network in self.networks.values():
            network.requires_grad_(False).eval()
        pairs = [pair for name in names for pair in _pairs(self.networks[name], recipe.get_submodule(name))]
        self._averaged = [average for average, _ in pairs if average.is_floating_point()]
        self._live = [live for average, live in pairs if average.is_floating_point()]
        self._counters = [average for average, _ in pairs if not average.is_floating_point()]
        self._live_counters = [live for average, live in pairs if not average.is_floating_point()]

    def begin(self, step: int) -> None:
        """Set the decay for the :meth:`update` of ``step`` (from 0)."""
        weight = 1 - decay_at(step, self._decay)
        if isinstance(self._weight, Tensor):
            self._weight.fill_(weight)
        else:
            self._weight = weight

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the current networks."""
        if not self._averaged:
            return
        # Both forms keep constant weights equal to the bit; decay · average + (1 - decay) · network would drift.
        if isinstance(self._weight, Tensor):
            differences = torch._foreach_sub(self._live, self._averaged)
            torch._foreach_mul_(differences, self._weight)
            torch._foreach_add_(self._averaged, differences)
        else:
            torch._foreach_lerp_(self._averaged, self._live, self._weight)
        if self._counters:
            torch._foreach_copy_(self._counters, self._live_counters)

    def make_recordable(self, device: torch.device) -> None:
        """Keep the decay in memory of ``device``, so that :meth:`update` can be recorded."""
        self._weight = torch.tensor(float(self._weight), device=device)

    @contextmanager
    def swapped_in(self) -> Iterator[Recipe]:
        """In the block, replace the networks of the recipe by their averages, and set it to evaluation mode."""
        live = {name: self._recipe.get_submodule(name) for name in self.networks}
        with self._recipe.evaluating() as recipe:
            for name, network in self.networks.items():
                recipe.set_submodule(name, network)
            try:
                yield recipe
            finally:
                for name, network in live.items():
                    recipe.set_submodule(name, network)


def decay_at(step: int, decay: float) -> float:
    """Return the decay of ``step`` (from 0), which rises to ``decay``."""
    return min(decay, (1 + step) / (10 + step))


def _pairs(average: nn.Module, network: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(average.parameters(), network.parameters(), strict=True)
    yield from zip(average.buffers(), network.buffers(), strict=True)
