"""A history of generated images, from which a discriminator is shown some again."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Draws, Shape, WorkingState


@final
class Pool(WorkingState):
    """Keeps ``size`` images; with probability ½ it gives an old image in place of a new one, which it keeps.

    While it is not full, it keeps every image and gives it back. Source: Shrivastava et al. 2017, arXiv 1612.07828, as
    in Zhu et al. 2017, arXiv 1703.10593.
    """

    images: Tensor
    kept: Tensor

    def __init__(self, size: int, shape: Shape):
        super().__init__()
        self._size = size
        self.register_buffer("images", torch.zeros(size, *shape))
        self.register_buffer("kept", torch.zeros(1, dtype=torch.int64))

    @torch.no_grad()
    def forward(self, images: Tensor, draws: Draws) -> Tensor:
        """Return images (B, C, H, W) to show, and keep what they take the place of."""
        if not self._size:
            return images
        count = len(images)
        places, old = draws.integers(self._size, count), draws.uniform(count) < 0.5
        shown = []
        for image, drawn, again in zip(images.split(1), places.split(1), old.split(1), strict=True):
            filling = self.kept < self._size
            place = torch.where(filling, self.kept, drawn)
            found = self.images.index_select(0, place)
            keep = (filling | again)[:, None, None, None]
            shown.append(torch.where(again[:, None, None, None] & ~filling[:, None, None, None], found, image))
            self.images.index_copy_(0, place, torch.where(keep, image.to(found.dtype), found))
            self.kept.add_(filling)
        return torch.cat(shown)
