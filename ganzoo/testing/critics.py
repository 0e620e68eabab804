"""Discriminators that are given as plain functions, for tests of penalties."""

from __future__ import annotations

from collections.abc import Callable
from typing import final

from torch import Tensor, nn

from ganzoo.contract.networks import ConditionedDiscriminator, DiscriminatorOutput


@final
class _Function(nn.Module):
    """A function of examples (B, …) that returns logits (B, X), in the place of a discriminator."""

    def __init__(self, function: Callable[[Tensor], Tensor]):
        super().__init__()
        self.function = function

    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Return the logits, and the examples themselves as features."""
        return DiscriminatorOutput(self.function(x), x.flatten(1))


def critic_of(function: Callable[[Tensor], Tensor]) -> ConditionedDiscriminator:
    """Return a discriminator whose logits (B, X) are those of ``function``."""
    return ConditionedDiscriminator(_Function(function), None)
