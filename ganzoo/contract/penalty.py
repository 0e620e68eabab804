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

    ``at_fakes`` says whether it looks at fake examples; they are then made for the conditions of the real ones.
    """

    at_fakes: ClassVar[bool] = True

    @abstractmethod
    def __call__(
        self,
        discriminator: ConditionedDiscriminator,
        real: Tensor,
        fake: Tensor,
        draws: Draws,
    ) -> Mapping[str, Tensor]:
        """Return named terms (B,) to add to the discriminator's loss.

        ``critic`` maps examples (B, …) to logits (B, X) with the condition filled in; ``real`` and ``fake``
        are detached batches of one size; ``draws`` gives random numbers (B, …) on their device.
        """
