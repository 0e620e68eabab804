"""The distribution of the noise that a generator starts from."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from ganzoo.contract.conditioner import Shape
from ganzoo.randomness import Draws


class Latent(ABC):
    """The distribution of the noise, built as ``target(config)``; ``shape`` is the shape of one sample, (Z,)."""

    shape: Shape

    @abstractmethod
    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise (count, \\*shape), float32, that is drawn from ``draws`` alone."""
