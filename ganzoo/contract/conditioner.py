"""How a condition enters a network: the network requests a conditioner at each of its sites."""

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
"""The shape of one example, without the batch dimension."""


class Conditioner(nn.Module, ABC):
    """Injects a condition at one site of a network: maps x of ``shape`` to x' of ``out_shape``.

    Built as ``target(config, shape, condition)``: ``shape`` is the shape of one example at the site, and ``condition``
    the :class:`Field` of the conditions. ``sites`` names the sites at which the conditioner acts: ``input``, ``block``
    or ``head``. The constructor must set ``out_shape``, the shape of one example of the result.
    """

    sites: ClassVar[frozenset[str]] = frozenset({"input"})
    out_shape: Shape

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map x (B, \\*shape) and its condition (B, …) to (B, \\*out_shape)."""


class Unconditioned(Conditioner):
    """The null conditioner: returns its input, so that a network needs no special case for "no condition".

    >>> null = Unconditioned(Config(), (3, 8, 8), None)
    >>> null.out_shape
    (3, 8, 8)
    >>> null("x", None)
    'x'
    """

    sites = frozenset()

    def __init__(self, config: Config, shape: Shape, condition: Field | None):
        super().__init__()
        self.out_shape = shape

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Return x."""
        return x


@dataclass(frozen=True)
class Sites:
    """The conditioners of one network: it calls :meth:`at` once for each of its sites.

    ``target`` is the conditioner class that the user chose, ``config`` its options, ``condition`` the field of the
    conditions. ``attributed`` is a context that names the conditioner's plugin in the message of an error.

    >>> Sites(Unconditioned, Config(), None).at("input", (100,)).out_shape
    (100,)
    """

    target: type[Conditioner]
    config: Config
    condition: Field | None
    attributed: Callable[[], AbstractContextManager[None]] = nullcontext

    def at(self, site: str, shape: Shape) -> Conditioner:
        """Return the conditioner for ``site``, where one example has ``shape``.

        It is the null conditioner if there is no condition, or if the chosen conditioner does not act at this site.
        """
        acts = self.condition is not None and site in self.target.sites
        if not acts:
            return Unconditioned(self.config, shape, None)
        with self.attributed():
            conditioner = self.target(self.config, shape, self.condition)
            out_shape = getattr(conditioner, "out_shape", None)
            if not isinstance(out_shape, tuple) or not all(isinstance(size, int) for size in out_shape):
                raise TypeError(f"its constructor must set out_shape to a tuple of sizes, not to {out_shape!r}")
            return conditioner
