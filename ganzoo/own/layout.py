"""What the data of a program delivers: its spec, and which of its numbers are black and white."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.catalogue.data import DataSpec
from ganzoo.depth import Limits, usual_limits
from ganzoo.errors import UserError
from ganzoo.own.items import DTYPES, RANGE

AUTO = "auto"
TOLERANCE = 1e-3  # of floating-point images; what lies this far outside is clamped


class Scale(NamedTuple):
    """The numbers that stand for black and white in images that are not uint8.

    ``asked``: the user set them, so that numbers outside are cut.
    """

    low: float
    high: float
    asked: bool = False

    def to_uint8(self, values: Tensor, owner: str) -> Tensor:
        """Return images as uint8; raises :class:`UserError`, naming ``owner``, if they have other numbers."""
        low, high = float(values.min()), float(values.max())
        if not self.asked and not (low >= self.low - TOLERANCE and high <= self.high + TOLERANCE):
            raise UserError(
                f"{owner} has images with numbers from {low:g} to {high:g}, and others from {self.low:g} to "
                f"{self.high:g}: {DTYPES}, {RANGE}"
            )
        return ((values.double() - self.low) * (255 / (self.high - self.low))).round_().clamp_(0, 255).to(torch.uint8)


class Numbers(NamedTuple):
    """The numbers of images that are not uint8: their limits, and whether they are whole."""

    limits: Limits
    whole: bool

    def scale(self, asked: str, owner: str) -> Scale:
        """Return which numbers are black and white; ``asked`` are two numbers, or ``auto``.

        Raises :class:`UserError`, naming ``owner``, if there is no usual scale that holds all numbers.
        """
        if asked != AUTO:
            return Scale(*_two_numbers(asked), asked=True)
        low, high = self.limits
        if self.whole:
            return Scale(*usual_limits(self.limits, whole=True))
        scale = Scale(0.0 if low >= 0 else -1.0, 1.0)
        if not (low >= scale.low - TOLERANCE and high <= scale.high + TOLERANCE):  # also where a number is not finite
            raise UserError(f"{owner} has images with numbers from {low:g} to {high:g}: {DTYPES}, {RANGE}")
        return scale


@dataclass(frozen=True)
class Layout:
    """What the data of a program delivers: its spec, and the ``numbers`` of images that are not uint8, by field.

    ``transparent``: pictures had transparent pixels, which are now white. ``unused`` are names of other fields.
    """

    spec: DataSpec
    numbers: Mapping[str, Numbers]
    transparent: bool = False
    unused: tuple[str, ...] = ()

    def scales(self, asked: str, owner: str) -> dict[str, Scale]:
        """Return which numbers are black and white, by field; raises :class:`UserError` as :meth:`Numbers.scale`."""
        return {field: numbers.scale(asked, owner) for field, numbers in self.numbers.items()}

    def notes(self, scales: Mapping[str, Scale]) -> Iterator[str]:
        """Yield what became of the numbers and of transparent pixels, and which fields are not used."""
        if self.unused:
            yield f"fields that are not used: {', '.join(self.unused)}"
        if self.transparent:
            yield "pictures have transparent pixels, which are laid on white; arrays of 4 channels keep them"
        for field, scale in scales.items():
            limits, whole = self.numbers[field]
            if whole or scale.asked:
                cut = scale.asked and (limits.low < scale.low or limits.high > scale.high)
                yield (
                    f"{field}s have numbers from {limits}: {Limits(scale.low, scale.high)} become black to white"
                    f"{', and numbers outside are cut' if cut else ''}; --dataset-range MIN,MAX sets other limits"
                )


def _two_numbers(words: str) -> tuple[float, float]:
    try:
        low, high = map(float, words.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not (low < high and math.isfinite(high - low)):
        raise UserError(f"dataset_range must be auto or two numbers MIN,MAX, not {words!r}")
    return low, high
