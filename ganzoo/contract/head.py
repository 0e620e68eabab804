"""Further outputs of a discriminator, computed from its features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.contract.latent import Latent
from ganzoo.contract.packs import Packed


class HeadInput(NamedTuple):
    """The features (B, F) of examples, their conditions (B, …), and the noise (B, Z) that fake examples come from."""

    features: Tensor
    condition: Tensor | None = None
    z: Tensor | None = None


class Head(Packed, nn.Module, ABC):
    """Further outputs of a discriminator, built as ``target(config, features, condition, latent)``.

    ``features`` is the number F of the discriminator's features, 0 if it declares none; ``condition`` the
    :class:`Field` of the conditions, or ``None``; ``latent`` the distribution of the noise. The parameters of a head
    are trained with those of the discriminator. A classifier of the condition and a network that recovers codes from
    fakes are heads. ``pack`` declares how many examples of a batch it compares
    (:class:`~ganzoo.contract.packs.Packed`). A constructor calls ``super().__init__`` with the same arguments.
    """

    needs_features: ClassVar[bool] = True

    def __init__(self, config: Any, features: int, condition: Field | None, latent: Latent):
        super().__init__()
        if self.needs_features and not features:
            raise ValueError("the discriminator declares no feature_width, so that it takes no head")

    @abstractmethod
    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return terms (B,) by name, which are added to the discriminator's loss."""

    @abstractmethod
    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return terms (B,) by name, which are added to the generator's loss; the head's own weights are frozen."""

    def statistics(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return values (B,) by name, whose means a training reports for the discriminator's phase; none by default.

        It runs without gradients.
        """
        return {}


class NoHead(Head):
    """The null head: a discriminator with no further outputs."""

    needs_features = False

    def discriminator(self, real: HeadInput, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}

    def generator(self, fake: HeadInput) -> Mapping[str, Tensor]:
        """Return no terms."""
        return {}
