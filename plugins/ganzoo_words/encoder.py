"""Text encoders: what makes a vector of a caption."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import Field, embedding, unit_square
from ganzoo_words.encoder_options import BagOfWordsConfig, GRUConfig


class TextEncoder(nn.Module, ABC):
    """Maps captions to vectors, built as ``target(config, field)``; ``field`` is that of the captions.

    The constructor sets ``size``, the number T of a vector's numbers.
    """

    size: int

    @abstractmethod
    def forward(self, captions: Tensor) -> Tensor:
        """Map captions (B, L), int64, of which 0 is padding, to vectors (B, T) with a mean square of about 1."""


@final
class BagOfWords(TextEncoder):
    """The mean of a learnt vector for each word, scaled to a mean square of 1; the order of words is lost."""

    def __init__(self, config: BagOfWordsConfig, field: Field):
        super().__init__()
        self.size = config.size
        self.words = embedding(field, config.size)

    def forward(self, captions: Tensor) -> Tensor:
        """Map captions (B, L) to vectors (B, T)."""
        return unit_square(self.words(captions))


@final
class GRU(TextEncoder):
    """A recurrent network over the words (Cho et al. 2014); its last state, scaled to a mean square of 1."""

    def __init__(self, config: GRUConfig, field: Field):
        super().__init__()
        self.size = config.size
        self.words = nn.Embedding(max(1, len(field.names)), config.words, padding_idx=0)
        self.layer = nn.GRU(config.words, config.size, batch_first=True)

    def forward(self, captions: Tensor) -> Tensor:
        """Map captions (B, L) to vectors (B, T); padding is at the end, and is not read."""
        states, _ = self.layer(self.words(captions))
        last = ((captions != 0).sum(1) - 1).clamp(min=0)
        found: Tensor = states.gather(1, last[:, None, None].expand(-1, 1, self.size))[:, 0]
        return unit_square(found * (captions != 0).any(1, keepdim=True))


def vector_field(size: int) -> Field:
    """Return the field of vectors (size,): what networks are conditioned on in place of a caption."""
    return Field("vector", (size,))


def same_captions(captions: Tensor) -> Tensor:
    """Return which captions (B, L) of a batch are equal, bool (B, B)."""
    return torch.eq(captions[:, None], captions[None]).all(dim=2)
