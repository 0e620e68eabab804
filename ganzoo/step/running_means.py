"""Means of loss terms and values since the last report, summed on the device."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, final

import torch
from torch import Tensor

from ganzoo.contract.recipe import PhaseOutput


class OutputNames(NamedTuple):
    """The names in a :class:`PhaseOutput` of a phase: its loss terms, and the values that are only reported."""

    phase: str
    terms: tuple[str, ...]
    values: tuple[str, ...]


@final
class RunningMeans:
    """Sums of terms and values, one vector for each phase; the host reads them only for a report."""

    def __init__(self, device: torch.device):
        self._device = device
        self.sums: dict[OutputNames, Tensor] = {}
        self.counts: Counter[OutputNames] = Counter()
        self._shared: Counter[OutputNames] | None = None  # the counts when all processes last had the same sums

    def add(self, phase: str, outputs: Sequence[PhaseOutput], sound: bool | Tensor = True) -> None:
        """Add the outputs of the passes of an update; if ``sound`` is a tensor, add zeros where it is false.

        The update counts in both cases.
        """
        for output in outputs:
            vector = output.numbers()
            if isinstance(sound, Tensor):
                vector = torch.where(sound, vector, 0.0)
            names = OutputNames(phase, tuple(output.terms), tuple(output.values))
            if names not in self.sums:
                self.sums[names] = torch.zeros_like(vector)
            # In place: every replay of a recorded step adds to the same memory.
            self.sums[names].add_(vector)
            self.counts[names] += 1

    def share(self, average: Callable[[Tensor], Tensor]) -> None:
        """Replace all sums by their mean over all processes, so that the first process saves those of all."""
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
        position = 0
        for names in filled:
            entries = [(names.phase, name) for name in names.terms] + [("", name) for name in names.values]
            for entry in entries:
                total = totals.setdefault(entry, [0.0, 0.0])
                total[0] += numbers[position]
                total[1] += self.counts[names]
                position += 1
        terms: dict[str, dict[str, float]] = {}
        values: dict[str, float] = {}
        for (phase, name), (total_sum, count) in totals.items():
            (terms.setdefault(phase, {}) if phase else values)[name] = total_sum / count
        return terms, values

    def clear(self) -> None:
        """Set all sums and counts to zero."""
        for total in self.sums.values():
            total.zero_()
        self.counts.clear()
        self._shared = None

    def restore(self, sums: Mapping[OutputNames, Tensor], counts: Mapping[OutputNames, int]) -> None:
        """Continue from ``sums`` and ``counts``."""
        self.sums = {names: total.to(self._device) for names, total in sums.items()}
        self.counts = Counter(dict(counts))
        self._shared = None
