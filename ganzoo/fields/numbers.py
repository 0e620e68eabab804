"""Points and vectors: numbers without limits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from ganzoo.contract.chooser import Chooser
from ganzoo.contract.field_values import FieldValues
from ganzoo.errors import UserError
from ganzoo.text import did_you_mean, index_of

POINTS = 2000  # in a picture


class _Numbers(FieldValues):
    """Numbers (F,), float32, which are drawn as points."""

    crowd = POINTS

    def fault(self, values: Tensor) -> str:
        """Return whether some are not finite."""
        return "" if bool(values.isfinite().all()) else "numbers that are not finite"


@final
class PointValues(_Numbers):
    """Points."""


@final
class VectorValues(_Numbers):
    """Vectors, such as attributes."""

    def embedding(self, size: int, deviation: float = 1.0, mean: float = 0.0) -> nn.Linear:
        """Return a linear map."""
        layer = nn.Linear(self.field.size, size)
        nn.init.normal_(layer.weight, 0.0, deviation)
        # The entries of a vector can have any sum, so the bias sets the mean of the outputs, not the weights.
        nn.init.constant_(layer.bias, mean)
        return layer

    def needed(self) -> str:
        """Return how to give attributes."""
        names = self.field.names
        if not names:
            return super().needed()
        return f"--label: attributes with + between them, out of: {', '.join(names)}"

    def is_one(self, value: Any) -> bool:
        """Return whether it is one vector, as a tensor or as a list of its numbers."""
        if super().is_one(value):
            return True
        return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, int | float) for one in value)

    def chooser(self) -> Chooser:
        """Offer the names of the numbers; without names, all numbers are 0 at first."""
        names = self.field.names
        return Chooser(names, "+", names[0]) if names else Chooser(start=",".join("0" * self.field.size))

    def read(self, value: Any) -> Tensor:
        """Read attributes (``red+large``), numbers (``0.5,-1``) or numbers by name (``cos=0.5,sin=0.87``)."""
        if isinstance(value, Tensor):
            return super().read(value).float()
        if isinstance(value, int | float | tuple | list):
            return self._numbers(value if isinstance(value, tuple | list) else [value], value)
        words = [word.strip() for word in str(value).replace("+", ",").split(",")]
        if all(_is_number(word) for word in words):
            return self._numbers([word.strip() for word in str(value).split(",")], value)
        return self._with(torch.zeros(self.field.size), words, value)

    def changed(self, values: Tensor, word: str) -> Tensor:
        """Return vectors (B, F) in which some attributes are others: ``smiling`` and ``smiling+hat=0``."""
        words = [each.strip() for each in word.replace("+", ",").split(",")]
        return self._with(values.clone(), words, word)

    def _with(self, chosen: Tensor, words: Sequence[str], value: Any) -> Tensor:
        """Set the attributes of ``chosen`` (…, F) that ``words`` name; a name without a number becomes 1."""
        for word in words:
            name, given, number = word.partition("=")
            if not (names := self.field.names):
                raise UserError(f"{value!r} is not {self.field.size} numbers: give them with commas between them")
            index = index_of(name, names)
            if index is None:
                have = ", ".join(names)
                raise UserError(f"no attribute is called {name!r}{did_you_mean(name, names)} Attributes: {have}")
            if given and not _is_number(number):
                raise UserError(f"{word!r} does not give a number for {name!r}")
            chosen[..., index] = float(number) if given else 1.0
        return chosen

    def word(self, value: Tensor) -> str:
        """Return the attributes, or the numbers, by name where they have names."""
        numbers = value.tolist()
        if not self.field.names:
            return ",".join(f"{number:.9g}" for number in numbers)
        named = list(zip(self.field.names, numbers, strict=True))
        if set(numbers) == {0, 1}:
            return "+".join(name for name, number in named if number)
        return ",".join(f"{name}={number:.9g}" for name, number in named)

    def _numbers(self, values: Sequence[Any], given: Any) -> Tensor:
        if len(values) != self.field.size:
            raise UserError(f"{given!r} has {len(values)} numbers, and {self.field.size} are needed")
        if not all(_is_number(str(value)) for value in values):
            raise UserError(f"{given!r} must consist of finite numbers")
        return torch.tensor([float(value) for value in values])


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False
