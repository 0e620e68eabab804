"""Parts that are right, from which tests derive parts that break their contracts, and what the dry run says of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue.component import Component
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.catalogue.registry import Registry, installed
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.conditioner import Shape
from ganzoo.contract.head import Head, HeadInput
from ganzoo.contract.latent import Latent
from ganzoo.contract.loss import Loss
from ganzoo.contract.networks import ConditionedDiscriminator
from ganzoo.contract.penalty import Penalty
from ganzoo.errors import Refused, UserError
from ganzoo.randomness import Draws
from ganzoo.testing.selections import choose


def refusal_of(kind: str, target: Any, variant: str = "gan", **flags: Any) -> tuple[str, ...]:
    """Return what the dry run refuses if ``target``, of the package ``odd-parts``, is the part ``odd`` of a kind."""
    declared = Component(kind=kind, name="odd", summary="a part of a test", target=target)
    plugin = Plugin(Provider("odd", "odd-parts", "1"), (declared,))
    try:
        registry = Registry([*installed().plugins, plugin])
        assemble(choose(variant, registry=registry, **{kind: "odd", **flags}))
    except Refused as refused:
        return refused.problems
    except UserError as problem:
        return (str(problem),)
    return ()


class PlainLoss(Loss):
    """The non-saturating loss, with a buffer ``k`` that nobody changes."""

    k: Tensor

    def __init__(self, config: Any = None):
        super().__init__(config)
        self.register_buffer("k", torch.ones(()))

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Return the loss (B, X)."""
        return F.softplus(-real) + self.k * F.softplus(fake)

    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Return the loss (B, X)."""
        return F.softplus(-fake)


class PlainPenalty(Penalty):
    """The squared gradient at real examples."""

    def forward(self, discriminator: ConditionedDiscriminator, real: Tensor, fake: Tensor, draws: Draws) -> Any:
        """Return the term ``odd`` (B,)."""
        return {"odd": discriminator.gradient(real).square().sum(1)}


class PlainAugmentation(Augmentation):
    """Some noise."""

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Return x with noise."""
        return x + 0.1 * draws.normal(*x.shape)


class PlainHead(Head):
    """The squared features, weighed."""

    def __init__(self, config: Any, features: int, condition: Any, latent: Latent):
        super().__init__(config, features, condition, latent)
        self.layer = nn.Linear(features, 1)

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the term ``odd`` (B,)."""
        return {"odd": self.layer(real.features).square().sum(1)}

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return the term ``odd`` (B,)."""
        return {"odd": self.layer(fake.features).square().sum(1)}


class PlainLatent(Latent):
    """Gaussian noise."""

    shape: Shape = (16,)

    def draw(self, count: int, draws: Draws) -> Tensor:
        """Return noise (count, 16)."""
        return draws.normal(count, *self.shape)


PLAIN: Mapping[str, type] = {
    "loss": PlainLoss,
    "penalty": PlainPenalty,
    "augmentation": PlainAugmentation,
    "head": PlainHead,
    "latent": PlainLatent,
}
"""A part that is right, of each kind whose state is checked."""
