"""Conditioners for the input of a network. A condition is a class, a vector or a caption."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Conditioner, Field, Shape, embedding, unit_square, values_of
from ganzoo_cgan.configs import ConcatConfig, EmbeddingConfig, MultiplyConfig, OneHotConfig


@final
class Concat(Conditioner):
    """Concatenates the embedding (B, E) with a flat input, or appends it to an image as E constant channels."""

    def __init__(self, config: ConcatConfig, shape: Shape, condition: Field):
        super().__init__()
        size = config.size or condition.classes or condition.size
        self.embedding, self._normalised = embedding(condition, size, config.deviation), config.normalised
        self.out_shape = (shape[0] + size, *shape[1:])

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, F) to (B, F + E), or (B, C, H, W) to (B, C + E, H, W)."""
        code: Tensor = self.embedding(condition)
        return beside(x, unit_square(code) if self._normalised else code)


@final
class OneHot(Conditioner):
    """Concatenates the condition itself, with nothing learnt, or appends it to an image as constant channels.

    A class is one-hot, a vector its own numbers, a caption the shares of its words.
    """

    def __init__(self, config: OneHotConfig, shape: Shape, condition: Field):
        super().__init__()
        self._values, self._scale = values_of(condition), config.scale
        self.out_shape = (shape[0] + self._values.code_size, *shape[1:])

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, F) to (B, F + N), or (B, C, H, W) to (B, C + N, H, W)."""
        assert condition is not None
        return beside(x, self._scale * self._values.code(condition))


def beside(x: Tensor, code: Tensor) -> Tensor:
    """Return x (B, C, …) with a code (B, E) as E more channels, which are constant."""
    planes = code.view(*code.shape, *[1] * (x.dim() - 2)).expand(*code.shape, *x.shape[2:])
    return torch.cat([x, planes], dim=1)


class Elementwise(Conditioner):
    """Combines the input with an embedding of the same shape, element by element."""

    def __init__(self, shape: Shape, condition: Field, deviation: float, mean: float = 0.0):
        super().__init__()
        self.embedding = embedding(condition, math.prod(shape), deviation, mean)
        self.out_shape = shape

    @abstractmethod
    def combine(self, x: Tensor, code: Tensor) -> Tensor:
        """Return x (B, \\*shape) combined with a code of the same shape."""

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, \\*shape) to itself."""
        code: Tensor = self.embedding(condition)
        return self.combine(x, code.view_as(x))


@final
class Multiply(Elementwise):
    """Multiplies the input by the embedding.

    For an image the embeddings start near 1: with mean 0 they would turn the image into noise.
    """

    def __init__(self, config: MultiplyConfig, shape: Shape, condition: Field):
        image = len(shape) > 1
        mean, deviation = (config.image_mean, config.image_deviation) if image else (config.mean, config.deviation)
        super().__init__(shape, condition, deviation, mean)

    def combine(self, x: Tensor, code: Tensor) -> Tensor:
        """Return x · code."""
        return x * code


@final
class Add(Elementwise):
    """Adds the embedding to the input."""

    def __init__(self, config: EmbeddingConfig, shape: Shape, condition: Field):
        super().__init__(shape, condition, config.deviation)

    def combine(self, x: Tensor, code: Tensor) -> Tensor:
        """Return x + code."""
        return x + code


@final
class LabelPlane(Conditioner):
    """Appends the embedding, of the size of one channel, to an image."""

    def __init__(self, config: EmbeddingConfig, shape: Shape, condition: Field):
        super().__init__()
        self._plane = shape[1:]
        self.embedding = embedding(condition, math.prod(self._plane), config.deviation)
        self.out_shape = (shape[0] + 1, *self._plane)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, C, H, W) to (B, C + 1, H, W)."""
        return torch.cat([x, self.embedding(condition).view(-1, 1, *self._plane)], dim=1)
