"""Drawn videos of a disc that moves in one direction, and comes in again on the other side."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_video.configs import DIRECTIONS, MovingDiscsConfig

STEPS = torch.tensor([math.sqrt(2), math.sqrt(3), math.sqrt(5)], dtype=torch.float64)  # spread evenly: irrational
SPEED = 0.125  # of the side, for each frame
RADII = 0.12, 0.22  # of the side


class MovingDiscs(Dataset):
    """Grey videos of a white disc; the index alone determines each."""

    def __init__(self, config: MovingDiscsConfig, root: Path):
        self._config = config

    def __len__(self) -> int:
        return self._config.count

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``video`` uint8 (B, frames, 1, size, size) and its direction, ``label`` int64 (B,)."""
        numbers = ((indices[:, None].double() + 1) * STEPS).frac().float()
        labels = indices % len(DIRECTIONS)
        turn = labels * (math.pi / 2)
        velocity = SPEED * torch.stack([turn.cos(), turn.sin()], dim=1)
        times = torch.arange(self._config.frames)[None, :, None]
        centres = (numbers[:, None, :2] + times * velocity[:, None]) % 1.0
        radii = RADII[0] + (RADII[1] - RADII[0]) * numbers[:, 2]
        return {"video": self._drawn(centres, radii), "label": labels}

    def identities(self) -> tuple[bytes, ...]:
        """Return the options that determine the videos."""
        return (repr((self._config.size, self._config.frames)).encode(),)

    def _drawn(self, centres: Tensor, radii: Tensor) -> Tensor:
        """Draw discs at centres (B, T, 2) in sides, on a picture whose opposite sides touch."""
        size = self._config.size
        pixels = (torch.arange(size) + 0.5) / size
        x, y = ((pixels - centres[..., axis, None] + 0.5) % 1.0 - 0.5 for axis in range(2))
        distance = torch.hypot(x[..., None, :], y[..., :, None])
        light = ((radii[:, None, None, None] - distance) * size + 0.5).clamp(0, 1)  # an edge one pixel wide
        return light.mul(255).round().to(torch.uint8)[:, :, None]
