"""The narrator: from a story and noise to a code for each frame."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from ganzoo.plugin import Field, embedding
from ganzoo_editing.encoders import Encoder

WIDTH = 16  # channels of the first layer that looks at a given frame


@final
class Narrator(nn.Module):
    """The codes (B, T, F) of frames, and the mean and the logarithm of the variance (B, F) of the story's state."""

    def __init__(self, story: Field | None, sentence: Field | None, noise: int, size: int, frames: int):
        super().__init__()
        self._size = size
        self.story = _encoder(story, size)
        self.mean, self.log_variance = nn.Linear(size, size), nn.Linear(size, size)
        self.sentence = _encoder(sentence, size)
        self.start = nn.Linear(size + noise, size)
        self.places = nn.Parameter(torch.randn(frames, size))
        self.gate, self.candidate = (nn.Linear(3 * size, size) for _ in range(2))

    def forward(
        self, z: Tensor, story: Tensor | None, sentences: Tensor | None, chance: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Map noise z (B, Z), a story (B, …) and its sentences (B, T, …) to the codes, the mean and the logarithm.

        ``chance`` (B, F) is what the state is drawn with; without it, it is the mean.
        """
        told = self.story(story) if story is not None else z.new_zeros(len(z), self._size)
        mean, log_variance = self.mean(told), self.log_variance(told)
        state = mean if chance is None else mean + (0.5 * log_variance).exp() * chance
        h = torch.tanh(self.start(torch.cat([state, z], dim=1)))
        codes = []
        for number, place in enumerate(self.places):
            said = self.sentence(sentences[:, number]) if sentences is not None else torch.zeros_like(h)
            seen = torch.cat([h, said, place.expand_as(h)], dim=1)
            gate = torch.sigmoid(self.gate(seen))
            h = (1 - gate) * h + gate * torch.tanh(self.candidate(seen))
            codes.append(h)
        return torch.stack(codes, dim=1), mean, log_variance


def _encoder(field: Field | None, size: int) -> nn.Module:
    """Return a learnt map from conditions (B, …) to (B, size): of a frame, or of what has an embedding."""
    if field is None:
        return nn.Identity()
    if field.kind == "image":
        return Encoder(field.shape, WIDTH, 0, size)
    return nn.Sequential(embedding(field, size), nn.LeakyReLU(0.2))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) ‖ N(0, 1)) (B,), summed over (B, F).

    >>> float(divergence(torch.zeros(1, 3), torch.zeros(1, 3)))
    0.0
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1)
