"""The loss functions of discriminator and generator."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from torch import Tensor

from ganzoo.contract.packs import Packed
from ganzoo.contract.working_state import WorkingState

Player = Literal["discriminator", "generator"]
"""The network that an update trains."""


class Loss(Packed, WorkingState, ABC):
    """The loss functions of both networks, built as ``target(config)``: functions of logits, without reduction.

    ``threshold`` is the logit above which an example counts as real, for the accuracy that is shown in training; a
    constructor may set it from its options. ``pack`` declares how many examples of a batch the loss compares
    (:class:`~ganzoo.contract.packs.Packed`).

    A loss with a state keeps it in buffers and changes it in :meth:`after_update`, never in the loss functions: these
    run several times for one update if the batch is divided.
    """

    threshold: float = 0.0

    def __init__(self, config: Any = None):
        super().__init__()

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

    def statistics(self, real: Tensor, fake: Tensor) -> Mapping[str, Tensor]:
        """Return values (B, …) of the logits (B, X) of real and fake examples, by name; none by default.

        Their means over the batch are reported, and :meth:`after_update` receives them.
        """
        return {}

    def after_update(self, player: Player, means: Mapping[str, Tensor]) -> None:
        """Change the state of the loss after an update of ``player``, in place and on the device.

        ``means`` are the scalar means of the update's terms, and of what :meth:`statistics` returned for an update of
        the discriminator, over the whole batch: over all processes and passes. By default nothing changes.
        """
