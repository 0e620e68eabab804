"""The loss functions of discriminator and generator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from torch import Tensor


class Loss(ABC):
    """The loss functions of both networks, built as ``target(config)``: pure functions of logits, without reduction.

    ``threshold`` is the logit above which an example counts as real, for the accuracy that is shown in training.
    """

    threshold: ClassVar[float] = 0.0

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Map the logits (B, X) of real and fake examples to the discriminator's loss (B, X)."""

    @abstractmethod
    def generator(self, fake: Tensor, real: Callable[[], Tensor]) -> Tensor:
        """Map the logits (B, X) of fake examples to the generator's loss (B, X).

        ``real()`` computes the logits (B, X) of the real batch; call it only if the loss compares real and fake.
        """

    def score(self, logit: Tensor) -> Tensor:
        """Map logits (B, X) to the D(x) that is shown in training: a probability if the loss defines one.

        By default it is the logit itself.
        """
        return logit
