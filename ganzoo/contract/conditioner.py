"""How a condition enters a network: sites ask, conditioners answer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.catalogue.options import Config

Shape = tuple[int, ...]


class Conditioner(nn.Module, ABC):
    """What happens at one site of a network: it takes x of ``shape`` and answers with x' of ``out_shape``.

    Built as ``target(config, shape, condition)``, where ``shape`` is that of one example at the site and
    ``condition`` the :class:`Field` that it will be given. ``sites`` names the sites at which it acts.
    """

    sites: ClassVar[frozenset[str]] = frozenset({"input"})
    out_shape: Shape

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map x (B, \\*shape) and its condition to (B, \\*out_shape)."""


class Unconditioned(Conditioner):
    """The null conditioner: answers with its input, so that no network asks whether it is conditional."""

    sites = frozenset()

    def __init__(self, config: Config, shape: Shape, condition: Field | None):
        super().__init__()
        self.out_shape = shape

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Return x."""
        return x


@dataclass(frozen=True)
class Sites:
    """What a network asks for a conditioner: one for each site, with the shape that it has there."""

    target: type[Conditioner]
    config: Config
    condition: Field | None
    attributed: Callable[[], AbstractContextManager[None]] = nullcontext

    def at(self, site: str, shape: Shape) -> Conditioner:
        """Return the conditioner for ``site``, the null one where the chosen conditioner does not act there."""
        acts = self.condition is not None and site in self.target.sites
        if not acts:
            return Unconditioned(self.config, shape, None)
        with self.attributed():
            return self.target(self.config, shape, self.condition)
