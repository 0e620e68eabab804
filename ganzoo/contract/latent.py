"""The distribution of the noise that a generator starts from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.contract.conditioner import Shape
from ganzoo.randomness import Draws


class Latent(ABC):
    """The distribution of the noise, built as ``target(config)``; ``shape`` is the shape of one sample, (Z,).

    ``controls`` are parts of the noise that a user may choose when sampling, such as the codes of InfoGAN, each with
    the :class:`Field` that describes it: a class, or a vector of numbers.
    """

    shape: Shape
    controls: Mapping[str, Field] = MappingProxyType({})

    def __init__(self, config: Any = None):
        super().__init__()

    @abstractmethod
    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise (count, \\*shape), float32, that is drawn from ``draws`` alone."""

    def place(self, z: Tensor, chosen: Mapping[str, Tensor]) -> Tensor:
        """Return noise z (B, \\*shape) with the values (B, …) of the controls that were ``chosen``.

        A latent with controls implements this; z itself stays as it is.
        """
        return z

    def read(self, z: Tensor) -> Mapping[str, Tensor]:
        """Return the values (B, …) of the controls in noise z (B, \\*shape): what :meth:`place` would write.

        A latent whose controls a head recovers implements this.
        """
        return {}
