"""Means of loss terms and watched values since the last report, added up on the device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor

from ganzoo.contract.recipe import PhaseOutput


class TermNames(NamedTuple):
    """The names of what a phase returns: its loss terms, and the values that are only watched."""

    phase: str
    terms: tuple[str, ...]
    values: tuple[str, ...]


@final
class RunningMeans:
    """Sums of terms and values, one vector for each phase; read on the host only when somebody asks."""

    def __init__(self, device: torch.device):
        self._device = device
        self.sums: dict[TermNames, Tensor] = {}
        self.counts: Counter[TermNames] = Counter()
        self._shared: Counter[TermNames] | None = None  # what was counted when all processes had the same sums

    def add(self, phase: str, outputs: Sequence[PhaseOutput], sound: bool | Tensor = True) -> None:
        """Count what the passes of an update found; as nothing but zeros where it is not ``sound``, on the device."""
        for output in outputs:
            vector = _vector(output)
            if isinstance(sound, Tensor):
                vector = torch.where(sound, vector, torch.zeros_like(vector))
            names = TermNames(phase, tuple(output.terms), tuple(output.values))
            if names not in self.sums:
                self.sums[names] = torch.zeros_like(vector)
            # In place: a recorded step adds to the same memory for ever.
            self.sums[names].add_(vector)
            self.counts[names] += 1

    def share(self, average: Callable[[Tensor], Tensor]) -> None:
        """Replace all sums by their mean over all processes, so that what the first one saves is true of all."""
        filled = [self.sums[names] for names in self.sums if self.counts[names]]
        if not filled or self.counts == self._shared:  # a mean of means would differ in the last bit
            return
        shared = average(torch.cat(filled)).split([len(total) for total in filled])
        for total, mean in zip(filled, shared, strict=True):
            total.copy_(mean)
        self._shared = self.counts.copy()

    def means(self) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
        """Return the means since :meth:`clear`, terms by phase and values by name."""
        filled = [names for names in self.sums if self.counts[names]]
        numbers = torch.cat([self.sums[names] for names in filled]).tolist() if filled else []
        totals: dict[tuple[str, str], list[float]] = {}
        place = 0
        for names in filled:
            entries = [(names.phase, name) for name in names.terms] + [("", name) for name in names.values]
            for entry in entries:
                total = totals.setdefault(entry, [0.0, 0.0])
                total[0] += numbers[place]
                total[1] += self.counts[names]
                place += 1
        terms: dict[str, dict[str, float]] = {}
        values: dict[str, float] = {}
        for (phase, name), (added, count) in totals.items():
            (terms.setdefault(phase, {}) if phase else values)[name] = added / count
        return terms, values

    def clear(self) -> None:
        """Begin anew."""
        for total in self.sums.values():
            total.zero_()
        self.counts.clear()
        self._shared = None

    def restore(self, sums: Mapping[TermNames, Tensor], counts: Mapping[TermNames, int]) -> None:
        """Go on from ``sums`` and ``counts``."""
        self.sums = {names: total.to(self._device) for names, total in sums.items()}
        self.counts = Counter(dict(counts))
        self._shared = None


def _vector(output: PhaseOutput) -> Tensor:
    """Return all terms and values of an output, in one vector."""
    numbers = [*output.terms.values(), *output.values.values()]
    return torch.stack([number.detach().float() for number in numbers])
