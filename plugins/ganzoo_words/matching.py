"""Learning which image and which caption belong together: the pre-training of a text encoder."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from ganzoo.plugin import Field, WorkingState, map_sides
from ganzoo_words.encoder import same_captions

WIDTHS = (32, 64, 128)  # channels of the image encoder


class Matched(NamedTuple):
    """The loss of a batch, and the share of images for which their own caption has the highest score."""

    loss: Tensor
    retrieved: Tensor


@final
class Matching(WorkingState):
    """An encoder of images, and the structured joint embedding loss of images and captions.

    A training needs it and a model does not, so that model files leave it out. Source: Reed et al. 2016, arXiv
    1605.05395, equations 2 to 4, with the margin between each pair of different captions of a batch.
    """

    def __init__(self, target: Field, size: int, margin: float):
        super().__init__()
        self.images, self._margin = image_encoder(target, size), margin

    def forward(self, images: Tensor, text: Tensor, captions: Tensor) -> Matched:
        """Return the loss of images (B, …) and the vectors (B, T) of their captions (B, L)."""
        scores = self.images(images) @ text.T / math.sqrt(text.shape[1])
        same = same_captions(captions)
        own = scores.diagonal()
        short = [(self._margin + scores - right).relu().masked_fill(same, 0.0) for right in (own[:, None], own[None])]
        pairs = (~same).sum().clamp(min=1)
        best = scores.detach().argmax(dim=1, keepdim=True)
        return Matched((short[0] + short[1]).sum() / pairs, same.gather(1, best).float().mean())


def image_encoder(target: Field, size: int) -> nn.Module:
    """Return a network from examples (B, *shape) to vectors (B, size): convolutions for images."""
    if len(target.shape) != 3:
        return nn.Sequential(nn.Flatten(), nn.Linear(target.size, WIDTHS[-1]), nn.ReLU(), nn.Linear(WIDTHS[-1], size))
    layers: list[nn.Module] = []
    before, sides = target.shape[0], map_sides(target.shape[1:], len(WIDTHS))[-1]
    for width in WIDTHS:
        layers += [nn.Conv2d(before, width, 3, 2, 1), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before * math.prod(sides), size))


@torch.no_grad()
def scores_of(encoder: nn.Module, images: Tensor, text: Tensor) -> Tensor:
    """Return how well images (B, …) match the vectors (N, T) of captions, (B, N)."""
    scores: Tensor = encoder(images) @ text.T / math.sqrt(text.shape[1])
    return scores
