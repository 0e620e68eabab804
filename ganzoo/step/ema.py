"""A moving average of the networks that a recipe wants averaged."""

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
    """Exponential moving averages of networks, running statistics included (Polyak & Juditsky, 1992).

    The decay begins low and rises to ``decay``, min(decay, (1 + t) / (10 + t)), so that short runs are not
    averaged with their first weights. With ``decay`` 0 the average is the network itself.
    """

    def __init__(self, recipe: Recipe, decay: float):
        self._recipe, self._decay = recipe, decay
        self._share: float | Tensor = 1.0
        names = recipe.averaged if decay > 0 else ()
        self.networks = {name: copy.deepcopy(recipe.get_submodule(name)) for name in names}
        for network in self.networks.values():
            network.requires_grad_(False).eval()
        pairs = [pair for name in names for pair in _pairs(self.networks[name], recipe.get_submodule(name))]
        self._averaged = [mine for mine, _ in pairs if mine.is_floating_point()]
        self._live = [live for mine, live in pairs if mine.is_floating_point()]
        self._counters = [(mine, live) for mine, live in pairs if not mine.is_floating_point()]

    def begin(self, step: int) -> None:
        """Set how far :meth:`update` moves the averages after ``step`` (from 0)."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        if isinstance(self._share, Tensor):
            self._share.fill_(share)
        else:
            self._share = share

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the networks as they are now."""
        if not self._averaged:
            return
        # Both forms keep constant weights equal to the bit, where multiply-and-add drifts.
        if isinstance(self._share, Tensor):
            ways = torch._foreach_sub(self._live, self._averaged)
            torch._foreach_mul_(ways, self._share)
            torch._foreach_add_(self._averaged, ways)
        else:
            torch._foreach_lerp_(self._averaged, self._live, self._share)
        for mine, live in self._counters:
            mine.copy_(live)

    def make_recordable(self, device: torch.device) -> None:
        """Keep what :meth:`update` reads in memory of ``device``, so that it can be recorded."""
        self._share = torch.tensor(float(self._share), device=device)

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
