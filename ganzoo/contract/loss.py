"""Loss functions of both networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor


class Loss(ABC):
    """What scores are worth to each player, built as ``target(config)``; pure functions of logits, no reduction.

    ``threshold`` is the logit above which an example is called real, for the accuracy that people watch.
    """

    threshold: ClassVar[float] = 0.0

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Map the logits (B, X) of real and fake examples to the discriminator's loss (B, X)."""

    @abstractmethod
    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Map the logits (B, X) of fake examples to the generator's loss (B, X).

        ``real()`` computes the logits of the real batch; only losses that compare the two call it.
        """

    def score(self, logit: Tensor) -> Tensor:
        """Map logits to what people read as D(x); the raw score unless the loss knows a probability."""
        return logit
