"""Generators, discriminators, and the initialisation of their weights.

Shape suffixes: B batch, Z latent, C channels, H height, W width, F features; X is the shape of one example's logits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple, final

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo.contract.gradients import input_gradient
from ganzoo.contract.packs import Packed
from ganzoo.layers import join_packs, repeat_packs, weight_matrices
from ganzoo.weighted_layers import Rule


class Generator(nn.Module, ABC):
    """A network that generates examples, built as ``target(config, in_shape, out, sites)``.

    ``in_shape`` is the shape of one input: (Z,) for noise, (C, H, W) for an image. ``out`` is the :class:`Field` to
    generate. ``sites`` gives the conditioners (:class:`~ganzoo.contract.conditioner.Sites`).
    """

    @abstractmethod
    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, \\*in_shape) and its condition to (B, \\*out.shape).

        If ``out`` is bounded, the examples lie in [-1, 1] in evaluation mode; in training they may leave it.
        """


class DiscriminatorOutput(NamedTuple):
    """The output of a discriminator: the unbounded ``logit`` (B, X), and the ``features`` (B, F) before it.

    A discriminator that is an auto-encoder also returns its ``reconstruction`` (B, \\*in_shape) of the examples.
    """

    logit: Tensor
    features: Tensor
    reconstruction: Tensor | None = None


class Discriminator(Packed, nn.Module, ABC):
    """A network that scores examples, built as ``target(config, in_shape, sites)``.

    ``in_shape`` is the shape of one example; ``sites`` gives the conditioners. The constructor sets ``feature_width``,
    the number F of its features; without it, the discriminator takes no head. One that scores several examples
    together sets ``pack`` (:class:`~ganzoo.contract.packs.Packed`), and repeats the logit of a pack for each of them.
    """

    feature_width: int = 0

    @abstractmethod
    def forward(self, x: Tensor, condition: Tensor | None) -> DiscriminatorOutput:
        """Map x (B, \\*in_shape) and its condition to a :class:`DiscriminatorOutput`; a high logit means real."""


class Batchwise(Packed, nn.Module):
    """Base class of layers whose output for one example depends on the others of its batch.

    Batch norm needs no declaration. Real and fake examples pass a network with such a layer in separate batches. If the
    batch is divided, the layer sees a part of it, as batch norm does, unless it sets ``pack``
    (:class:`~ganzoo.contract.packs.Packed`).
    """


def batchwise(network: nn.Module) -> bool:
    """Return whether examples of a batch affect each other in ``network``.

    >>> batchwise(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)))
    True
    >>> batchwise(nn.Linear(2, 1))
    False
    """
    return any(isinstance(layer, _BatchNorm | Batchwise) for layer in network.modules())


def _unchanged(x: Tensor) -> Tensor:
    return x


@final
class ConditionedDiscriminator:
    """A discriminator with its condition filled in: maps examples (B, …) to logits (B, X).

    Examples pass through ``augment`` first, with new random numbers for every call, so that a gradient is with respect
    to examples as they are.
    """

    def __init__(
        self, discriminator: nn.Module, condition: Tensor | None, augment: Callable[[Tensor], Tensor] = _unchanged
    ):
        self._discriminator, self._condition, self._augment = discriminator, condition, augment

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits (B, X) of x (B, …)."""
        output: DiscriminatorOutput = self._discriminator(self._augment(x), self._condition)
        return output.logit

    def gradient(self, x: Tensor) -> Tensor:
        """Return d(sum of logits) / dx at x (B, …) as rows (B, F), itself differentiable, in float32 or better.

        The row of an example in a pack is the gradient of the logit of its pack, with respect to the whole pack
        (B, pack · F). It is right in every execution, compiled steps included, and for networks with batch norm.
        """
        pack = max(1, self._discriminator.pack) if isinstance(self._discriminator, Packed) else 1
        if pack == 1:
            return input_gradient(self, x, self.keeps_statistics)
        # The logit of a pack stands once for each of its examples.
        rows = input_gradient(lambda point: self(point) / pack, x, self.keeps_statistics)
        return repeat_packs(join_packs(rows, pack), pack)

    @property
    def keeps_statistics(self) -> bool:
        """Whether a forward pass changes buffers: running means of batch norm, for example."""
        return _keeps_statistics(self._discriminator)

    @property
    def weights(self) -> Sequence[Tensor]:
        """The weights of its linear and convolutional layers, as matrices with a row for each output."""
        return weight_matrices(self._discriminator)


@final
class ConditionedGenerator:
    """A generator with its condition filled in: maps noise (B, …) to examples (B, \\*shape)."""

    def __init__(self, generator: nn.Module, condition: Tensor | None, shape: tuple[int, ...]):
        self._generator, self._condition, self.shape = generator, condition, shape

    def __call__(self, z: Tensor) -> Tensor:
        """Return the examples (B, \\*shape) of z (B, …)."""
        examples: Tensor = self._generator(z, self._condition)
        return examples

    def gradient(self, z: Tensor, direction: Tensor) -> Tensor:
        """Return d(sum of direction · examples) / dz at z (B, …) as rows (B, F), itself differentiable.

        ``direction`` has the shape of the examples (B, \\*shape). It is right in every execution, compiled steps
        included.
        """
        return input_gradient(lambda point: self(point) * direction, z, _keeps_statistics(self._generator))

    @property
    def weights(self) -> Sequence[Tensor]:
        """The weights of its linear and convolutional layers, as matrices with a row for each output."""
        return weight_matrices(self._generator)


def _keeps_statistics(network: nn.Module) -> bool:
    """Return whether a forward pass may change buffers; those of rules of weights change after an update only."""
    keeping = (module for module in network.modules() if not isinstance(module, Rule))
    return any(True for module in keeping for _ in module.buffers(recurse=False))


class Initialiser(ABC):
    """The initial weights of a network, built as ``target(config)``."""

    @abstractmethod
    def __call__(self, network: nn.Module) -> None:
        """Set the weights of ``network`` in place, with random numbers from torch's global generator."""
