"""Augmentation of the examples that a discriminator sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from ganzoo.contract.packs import Packed
from ganzoo.contract.working_state import WorkingState
from ganzoo.randomness import Draws


class Augmentation(Packed, WorkingState, ABC):
    """A random change of examples before the discriminator, real and fake alike, built as ``target(config)``.

    ``pack`` declares how many examples of a batch it mixes (:class:`~ganzoo.contract.packs.Packed`).

    The generator's gradient passes through it, so it must be differentiable. An augmentation with a state, such as the
    probability of ADA, keeps it in buffers, and changes it in :meth:`after_update` only.
    """

    def __init__(self, config: Any = None):
        super().__init__()

    @abstractmethod
    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Map examples x (B, …) to changed ones of the same shape; random numbers come from ``draws`` alone."""

    def statistics(self, real: Tensor) -> Mapping[str, Tensor]:
        """Return values (B, …) of the logits (B, X) of real examples, by name, whose means are needed; none by default.

        The logits are above 0 where the loss takes an example for real. The values are reported, and
        :meth:`after_update` receives their means.
        """
        return {}

    def after_update(self, means: Mapping[str, Tensor]) -> None:
        """Change the state after an update of the discriminator, in place and on the device.

        ``means`` are the scalar means of the update's terms and values over the whole batch. By default nothing
        changes.
        """


class NoAugmentation(Augmentation):
    """The null augmentation: returns its input."""

    def __call__(self, x: Tensor, draws: Draws) -> Tensor:
        """Return x, without the detour of a module."""
        return x

    def forward(self, x: Tensor, draws: Draws) -> Tensor:
        """Return x."""
        return x
