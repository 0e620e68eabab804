"""Random cuts and reflections of images that belong together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.plugin import Draws


@final
class Jitter:
    """Enlarges images, cuts a random part of the old size out of them, and mirrors half of them.

    Source: Isola et al. 2017, arXiv 1611.07004, section 6.2.
    """

    def __init__(self, size: float, flip: bool):
        self._size, self._flip = size, flip

    def __call__(self, images: Sequence[Tensor], draws: Draws) -> list[Tensor]:
        """Return images (B, C, H, W), all cut and mirrored alike; they may differ in size."""
        if self._size == 1 and not self._flip:
            return list(images)
        count, device = len(images[0]), images[0].device
        place, side = draws.uniform(count, 2), draws.uniform(count)
        sign = torch.where(side < 0.5, -1.0, 1.0) if self._flip else torch.ones(count, device=device)
        share = torch.full((count,), 1 / self._size, device=device)
        shift = (2 * place - 1) * (1 - share)[:, None]
        zero = torch.zeros_like(share)
        maps = torch.stack([share * sign, zero, shift[:, 0], zero, share, shift[:, 1]], dim=1).view(count, 2, 3)
        grids = (F.affine_grid(maps, list(each.shape), align_corners=False) for each in images)
        return [
            F.grid_sample(each, grid, padding_mode="reflection", align_corners=False)
            for each, grid in zip(images, grids, strict=True)
        ]
