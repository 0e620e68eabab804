"""A conditioner that sees the noise, and a generator that passes a chunk of its noise to each block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import Conditioner, Config, Field, Generator, Shape, Sites, embedding, option


@final
class Style(Conditioner):
    """A gain and a shift of each channel that follow the noise and the condition (StyleGAN2, arXiv 1912.04958)."""

    EMBEDDED = 8

    sites = frozenset({"block"})
    uses_noise = True

    def __init__(self, config: Config, shape: Shape, condition: Field | None, noise: Shape):
        super().__init__()
        self.out_shape, self._rest = shape, len(shape) - 1
        self.embedding = None if condition is None else embedding(condition, self.EMBEDDED)
        width = noise[0] + (0 if condition is None else self.EMBEDDED)
        self.style = nn.Linear(width, 2 * shape[0])

    def forward(self, x: Tensor, condition: Tensor | None, z: Tensor | None = None) -> Tensor:
        """Map (B, C, …) to itself; z is (B, Z)."""
        assert z is not None
        seen = z if self.embedding is None else torch.cat([z, self.embedding(condition)], dim=1)
        gain, shift = self.style(seen).view(len(x), 2, -1, *[1] * self._rest).unbind(1)
        styled: Tensor = x * (1.0 + gain) + shift
        return styled


@dataclass(frozen=True)
class ChunkedConfig(Config):
    """Options of the chunked generator."""

    widths: tuple[int, ...] = option((64, 128), "units of the hidden layers", low=1)


@final
class ChunkedGenerator(Generator):
    """Splits its noise into chunks: one is its input, and each block gets one more (BigGAN, arXiv 1809.11096)."""

    def __init__(self, config: ChunkedConfig, in_shape: Shape, out: Field, sites: Sites):
        super().__init__()
        self._shape, self._chunks = out.shape, 1 + len(config.widths)
        if in_shape[0] % self._chunks:
            raise ValueError(f"noise of size {in_shape[0]} has no {self._chunks} equal chunks: give another size")
        size = in_shape[0] // self._chunks
        self.input = sites.at("input", (size,), noise=(size,))
        width = self.input.out_shape[0]
        self.layers, self.blocks = nn.ModuleList(), nn.ModuleList()
        for units in config.widths:
            self.layers.append(nn.Linear(width, units))
            block = sites.at("block", (units,), noise=(size,))
            self.blocks.append(block)
            width = block.out_shape[0]
        self.output = nn.Linear(width, out.size)

    def forward(self, z: Tensor, condition: Tensor | None) -> Tensor:
        """Map (B, Z) to (B, \\*shape)."""
        first, *others = z.chunk(self._chunks, dim=1)
        h = self.input(first, condition, first)
        for layer, block, chunk in zip(self.layers, self.blocks, others, strict=True):
            h = block(layer(h), condition, chunk).relu()
        examples: Tensor = self.output(h)
        return examples.tanh().view(-1, *self._shape)
