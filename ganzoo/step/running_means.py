"""What a training found since it was last asked, added up on the device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple, final

import torch
from torch import Tensor

from ganzoo.contract.recipe import Outcome


class Found(NamedTuple):
    """The names of what a phase found: its terms, and the values only to watch."""

    phase: str
    terms: tuple[str, ...]
    values: tuple[str, ...]


@final
class Tally:
    """Sums of terms and values, one vector for each phase; read on the host only when somebody asks."""

    def __init__(self, device: torch.device):
        self._device = device
        self.sums: dict[Found, Tensor] = {}
        self.counts: Counter[Found] = Counter()
        self._shared: Counter[Found] | None = None  # what was counted when all processes had the same sums

    def add(self, phase: str, outcome: Outcome) -> None:
        """Count one outcome of ``phase``."""
        self._count(phase, outcome, _vector(outcome))

    def add_if(self, sound: Tensor, phase: str, outcome: Outcome) -> None:
        """Count one outcome of ``phase``; as nothing but zeros where it is not ``sound``, a bool on the device."""
        vector = _vector(outcome)
        self._count(phase, outcome, torch.where(sound, vector, torch.zeros_like(vector)))

    def _count(self, phase: str, outcome: Outcome, vector: Tensor) -> None:
        found = Found(phase, tuple(outcome.terms), tuple(outcome.values))
        if found not in self.sums:
            self.sums[found] = torch.zeros_like(vector)
        # In place: a recorded step adds to the same memory for ever.
        self.sums[found].add_(vector)
        self.counts[found] += 1

    def share(self, average: Callable[[Tensor], Tensor]) -> None:
        """Replace all sums by their mean over all processes, so that what the first one saves is true of all."""
        filled = [self.sums[found] for found in self.sums if self.counts[found]]
        if not filled or self.counts == self._shared:  # a mean of means would differ in the last bit
            return
        shared = average(torch.cat(filled)).split([len(total) for total in filled])
        for total, mean in zip(filled, shared, strict=True):
            total.copy_(mean)
        self._shared = self.counts.copy()

    def means(self) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
        """Return the means since :meth:`clear`, terms by phase and values by name."""
        filled = [found for found in self.sums if self.counts[found]]
        numbers = torch.cat([self.sums[found] for found in filled]).tolist() if filled else []
        totals: dict[tuple[str, str], list[float]] = {}
        place = 0
        for found in filled:
            entries = [(found.phase, name) for name in found.terms] + [("", name) for name in found.values]
            for entry in entries:
                total = totals.setdefault(entry, [0.0, 0.0])
                total[0] += numbers[place]
                total[1] += self.counts[found]
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

    def restore(self, sums: Mapping[Found, Tensor], counts: Mapping[Found, int]) -> None:
        """Go on from ``sums`` and ``counts``."""
        self.sums = {found: total.to(self._device) for found, total in sums.items()}
        self.counts = Counter(dict(counts))
        self._shared = None


def _vector(outcome: Outcome) -> Tensor:
    """Return all terms and values of an outcome, in one vector."""
    numbers = [*outcome.terms.values(), *outcome.values.values()]
    return torch.stack([number.detach().float() for number in numbers])
