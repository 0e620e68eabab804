"""Regularisers of the discriminator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from ganzoo.contract.networks import ConditionedDiscriminator
from ganzoo.randomness import Draws


class Penalty(ABC):
    """A regulariser of the discriminator, built as ``target(config)``.

    ``uses_fakes`` says whether the penalty reads the fake examples; these then have the conditions of the real ones.
    """

    uses_fakes: ClassVar[bool] = True

    @abstractmethod
    def __call__(
        self,
        discriminator: ConditionedDiscriminator,
        real: Tensor,
        fake: Tensor,
        draws: Draws,
    ) -> Mapping[str, Tensor]:
        """Return terms (B,) by name, which are added to the discriminator's loss; none for no penalty.

        ``discriminator`` maps examples (B, …) to logits (B, X) with the condition filled in. ``real`` and ``fake`` are
        detached batches of equal size. ``draws`` gives random numbers (B, …) on their device.
        """
