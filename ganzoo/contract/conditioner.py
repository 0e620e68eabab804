"""How a condition enters a network: the network requests a conditioner at each of its sites."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.catalogue.options import Config
from ganzoo.catalogue.several import refuse_text

Shape = tuple[int, ...]
"""The shape of one example, without the batch dimension."""


class Conditioner(nn.Module, ABC):
    """Injects a condition at one site of a network: maps x of ``shape`` to x' of ``out_shape``.

    Built as ``target(config, shape, condition)``: ``shape`` is the shape of one example at the site, and ``condition``
    the :class:`Field` of the conditions. ``sites`` names the sites at which the conditioner acts: ``input``, ``block``,
    ``head`` or ``logit``. With ``needs_norm`` it acts only where the network has just normalised. The constructor must
    set ``out_shape``, the shape of one example of the result.

    A conditioner that also sees the noise sets ``uses_noise``. It is built as ``target(config, shape, condition,
    noise)``, with the shape of the noise at the site, (Z,), and its ``forward`` has a third parameter, the noise z
    (B, Z). It acts without a condition too, which is ``None`` then.

    One at the site ``logit`` that also sees the features from which the logit was computed sets ``uses_features``. It
    is built with the shape of the features, (F,), and its ``forward`` has a third parameter, the features (B, F).
    """

    sites: ClassVar[frozenset[str]] = frozenset({"input"})
    uses_noise: ClassVar[bool] = False
    uses_features: ClassVar[bool] = False
    needs_norm: ClassVar[bool] = False
    out_shape: Shape

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        refuse_text(f"sites of {cls.__name__}", cls.sites, "frozenset({{{!r}}})")

    def __call__(
        self, x: Tensor, condition: Tensor | None, z: Tensor | None = None, features: Tensor | None = None
    ) -> Tensor:
        """Return the result of :meth:`forward`, to which z and the features go only if it uses them.

        So a network passes what it has to any conditioner. Raises ``TypeError`` if what is needed is not passed.
        """
        seen = []
        for what, used, given in (("noise", self.uses_noise, z), ("features", self.uses_features, features)):
            if used and given is None:
                raise TypeError(f"it uses the {what}, which the network announced for this site and does not pass")
            if used:
                seen.append(given)
        result: Tensor = super().__call__(x, condition, *seen)
        return result

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map x (B, \\*shape) and its condition (B, …) to (B, \\*out_shape)."""

    def norm_before(self, norm: nn.Module) -> nn.Module:
        """Return the layer that normalises before this site; ``norm`` is the network's own, which is usually kept.

        A conditioner that scales and shifts takes these from ``norm``; one that normalises by itself replaces it.
        """
        return norm


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

    def __call__(
        self, x: Tensor, condition: Tensor | None, z: Tensor | None = None, features: Tensor | None = None
    ) -> Tensor:
        """Return x, without the detour of a module."""
        return x

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

    def at(
        self, site: str, shape: Shape, noise: Shape = (), features: Shape = (), normalised: bool = False
    ) -> Conditioner:
        """Return the conditioner for ``site``, where one example has ``shape``.

        ``noise`` is the shape of the noise, (Z,), that the network passes to the conditioner when it calls it, and
        ``features`` that of the features, (F,); a network without them leaves them out. ``normalised`` says that the
        network normalises right before the site, with what :meth:`Conditioner.norm_before` returns. It is the null
        conditioner if the chosen one does not act at this site, or uses the condition alone and there is none.
        """
        target = self.target
        acts = site in target.sites and (self.condition is not None or target.uses_noise)
        if not acts or (target.needs_norm and not normalised):
            return Unconditioned(self.config, shape, None)
        with self.attributed():
            if target.uses_noise and not noise:
                raise TypeError(
                    f"it uses the noise, and the network passes none at its site {site!r}; a discriminator has none: "
                    "choose another conditioner there, or a generator that passes its noise to its sites"
                )
            if target.uses_features and not features:
                raise TypeError(
                    f"it uses the features, and the network passes none at its site {site!r}: "
                    "choose another conditioner there, or a discriminator that passes its features to its logit"
                )
            seen = [(target.uses_noise, noise), (target.uses_features, features)]
            conditioner = target(self.config, shape, self.condition, *(given for used, given in seen if used))
            out_shape = getattr(conditioner, "out_shape", None)
            if not isinstance(out_shape, tuple) or not all(isinstance(size, int) for size in out_shape):
                raise TypeError(f"its constructor must set out_shape to a tuple of sizes, not to {out_shape!r}")
            return conditioner
