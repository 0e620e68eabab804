"""The means of one update, for what changes after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from ganzoo.contract.recipe import PhaseOutput


class UnknownMean(KeyError):
    """An update has no mean of this name."""

    def __str__(self) -> str:
        """Return the message as it is, and not in quotes."""
        return str(self.args[0])


@final
class UpdateMeans(Mapping[str, Tensor]):
    """The mean of each term and value of one update over its passes and processes, scalars on the device.

    They are computed when the first one is read, so that an update whose means nobody reads costs nothing. All
    processes must read alike.
    """

    def __init__(self, outputs: Sequence[PhaseOutput], average: Callable[[Tensor], Tensor]):
        self._outputs, self._average = outputs, average
        self._names = (*outputs[0].terms, *outputs[0].values)

    @cached_property
    def _means(self) -> dict[str, Tensor]:
        vectors = [output.numbers() for output in self._outputs]
        mean = vectors[0] if len(vectors) == 1 else torch.stack(vectors).mean(0)
        return dict(zip(self._names, self._average(mean).unbind(), strict=True))

    def __getitem__(self, name: str) -> Tensor:
        """Return the mean of a term or value; raises :class:`UnknownMean` if the update has none of this name."""
        if name not in self._names:
            raise UnknownMean(
                f"this update has no mean {name!r}, but {', '.join(map(repr, self._names))}: return what you need as a "
                "term, from statistics(), or as a value of a PenaltyOutput"
            )
        return self._means[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self._names)

    def __len__(self) -> int:
        """Return how many terms and values there are."""
        return len(self._names)
