"""A moving average of the networks that a recipe wants averaged."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ganzoo.recipe import Recipe


class Averages:
    """Exponential moving averages of networks, running statistics included (Polyak & Juditsky, 1992).

    The decay begins low and rises to ``decay``, min(decay, (1 + t) / (10 + t)), so that short runs are not
    averaged with their first weights. With ``decay`` 0 the average is the network itself.
    """

    def __init__(self, recipe: Recipe, decay: float):
        self._recipe, self._decay = recipe, decay
        names = recipe.averaged if decay > 0 else ()
        self.networks = {name: copy.deepcopy(recipe.get_submodule(name)) for name in names}
        for network in self.networks.values():
            network.requires_grad_(False).eval()
        pairs = [pair for name in names for pair in _pairs(self.networks[name], recipe.get_submodule(name))]
        self._averaged = [mine for mine, _ in pairs if mine.is_floating_point()]
        self._live = [live for mine, live in pairs if mine.is_floating_point()]
        self._counters = [(mine, live) for mine, live in pairs if not mine.is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the averages towards the networks as they are after ``step`` (from 0)."""
        if not self._averaged:
            return
        decay = min(self._decay, (1 + step) / (10 + step))
        # lerp keeps constant weights equal to the bit, where multiply-and-add drifts.
        torch._foreach_lerp_(self._averaged, self._live, 1 - decay)
        for mine, live in self._counters:
            mine.copy_(live)

    @contextmanager
    def in_place(self) -> Iterator[Recipe]:
        """Put the averages in the place of their networks, everything in evaluation mode, for a while."""
        live = {name: self._recipe.get_submodule(name) for name in self.networks}
        modes = {module: module.training for module in self._recipe.modules()}
        self._recipe.eval()
        for name, network in self.networks.items():
            self._recipe.set_submodule(name, network)
        try:
            yield self._recipe
        finally:
            for name, network in live.items():
                self._recipe.set_submodule(name, network)
            for module, mode in modes.items():
                module.training = mode


def _pairs(average: nn.Module, network: nn.Module) -> Iterator[tuple[Tensor, Tensor]]:
    yield from zip(average.parameters(), network.parameters(), strict=True)
    yield from zip(average.buffers(), network.buffers(), strict=True)
