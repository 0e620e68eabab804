"""Random numbers that a test chose."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.randomness import Distribution, Draws


@final
class Told(Draws):
    """Returns the numbers that it was told, one for each call, the same for every example.

    >>> draws = Told(0.5, 7)
    >>> draws.uniform(2), draws.integers(10, 1)
    (tensor([0.5000, 0.5000]), tensor([7]))
    """

    def __init__(self, *numbers: float):
        self._numbers = list(numbers)

    def draw(self, distribution: Distribution, shape: tuple[int, ...]) -> Tensor:
        """Return ``shape`` filled with the next number, in the dtype of the distribution."""
        return torch.full(shape, self._numbers.pop(0), dtype=distribution((1,)).dtype)
