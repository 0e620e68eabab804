"""A dataset: spirals, drawn when they are read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Dataset
from ganzoo_spirals.configs import SpiralsConfig

RADIUS = (0.40, 0.47)  # of the whole spiral, in widths of the picture
STROKE = (0.075, 0.095)  # width of an arm, in widths of the picture
SHIFT = 0.02  # of the centre, in widths of the picture
LIGHT = (200.0, 255.0)  # grey level of the arms; the ground is black

# Multiples of these fill a cube of 7 dimensions evenly: powers of 1/x, where x⁸ = x + 1 (Roberts 2018, "R_d").
STEPS = torch.tensor([1.0969815577985598**-k for k in range(1, 8)], dtype=torch.float64)

CHUNK = 1024  # pictures drawn at once, for the floats of all of them would take gigabytes


@final
class SpiralsDataset(Dataset):
    """Spirals of light arms on black; (seed, index) alone determines each, and the index its class."""

    def __init__(self, config: SpiralsConfig, root: Path):
        self._config = config
        self._arms = torch.tensor(config.arms)
        chance = torch.Generator().manual_seed(config.seed)
        self._start = torch.rand(len(STEPS), generator=chance, dtype=torch.float64)

    def __len__(self) -> int:
        return self._config.count

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` uint8 (B, 1, size, size) and ``label`` int64 (B,)."""
        labels = indices % len(self._arms)
        numbers = (self._start + indices[:, None] * STEPS).frac().float()
        chunks = zip(self._arms[labels].split(CHUNK), numbers.split(CHUNK), strict=True)
        return {"image": torch.cat([self._draw(arms, chosen) for arms, chosen in chunks]), "label": labels}

    def _draw(self, arms: Tensor, numbers: Tensor) -> Tensor:
        """Return the pictures of spirals with ``arms`` (B,), drawn as their ``numbers`` (B, 7) in [0, 1) say."""
        config = self._config
        arms = arms[:, None, None]
        spin, across, down, radius, stroke, light, hand = numbers[:, :, None, None].unbind(1)
        radius, stroke, light = _between(RADIUS, radius), _between(STROKE, stroke), _between(LIGHT, light)
        rightward = hand < {"clockwise": 1.0, "anticlockwise": 0.0, "both": 0.5}[config.turn]

        line = (torch.arange(config.size) + 0.5) / config.size - 0.5
        x, y = line - SHIFT * (2 * across - 1), line[:, None] - SHIFT * (2 * down - 1)
        distance = torch.hypot(x, y).clamp_min(1e-6)
        turned = torch.atan2(torch.where(rightward, y, -y), x) / (2 * math.pi)
        # A whole number along the middle of every arm, and halves between two arms.
        place = arms * turned - config.rings * distance / radius + spin
        slope = torch.hypot(arms / (2 * math.pi * distance), config.rings / radius)
        beside = (place - place.round()).abs() / slope - stroke / 2
        outside = torch.maximum(beside, distance - radius) * config.size
        cover = (0.5 - outside).clamp(0, 1)  # an edge covers a pixel by parts
        return (light * cover).round().to(torch.uint8)[:, None]


def _between(limits: tuple[float, float], share: Tensor) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * share
