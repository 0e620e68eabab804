"""Generators, discriminators, and how their weights begin.

Shape suffixes: B batch, Z latent, C channels, H height, W width, F features, X whatever a discriminator scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple, final

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Generator(nn.Module, ABC):
    """A network that makes examples, built as ``target(config, in_shape, out, sites)``.

    ``in_shape`` is the shape of one input, (Z,) for noise or (C, H, W) for an image; ``out`` is the
    :class:`Field` to make.
    """

    @abstractmethod
    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, \\*in_shape) and its condition to (B, \\*out.shape), in [-1, 1] where ``out`` is bounded."""


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says: ``logit`` (B, X), unbounded, and the ``features`` (B, F) it was drawn from."""

    logit: Tensor
    features: Tensor


class Discriminator(nn.Module, ABC):
    """A network that scores examples, built as ``target(config, in_shape, sites)``."""

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map (B, \\*in_shape) and its condition to a :class:`DiscriminatorOutput`; a high logit says real."""


class Batchwise(nn.Module):
    """A layer whose answer for one example depends on the others of its batch; batch norm is one without saying so."""


def batchwise(network: nn.Module) -> bool:
    """Return whether examples of a batch affect each other in ``network``, so that real and fake must pass it apart."""
    return any(isinstance(layer, _BatchNorm | Batchwise) for layer in network.modules())


@final
class ConditionedDiscriminator:
    """A discriminator with its condition filled in: maps examples (B, …) to logits (B, X)."""

    def __init__(self, discriminator: nn.Module, condition: Tensor | None):
        self._discriminator, self._condition = discriminator, condition

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits (B, X) of x (B, …)."""
        verdict: DiscriminatorOutput = self._discriminator(x, self._condition)
        return verdict.logit

    @property
    def keeps_statistics(self) -> bool:
        """Whether answering changes something in it: averages of batch norm, vectors of spectral norm."""
        return any(True for _ in self._discriminator.buffers())


class Initialiser(ABC):
    """How the weights of a network begin, built as ``target(config)``."""

    @abstractmethod
    def __call__(self, network: nn.Module) -> None:
        """Set the weights of ``network`` in place, drawing from torch's global generator."""
