"""Encoders: convolutions from an image to its noise, or to its attributes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, final

import torch
from torch import Tensor, nn

from ganzoo.plugin import map_sides

SMALLEST: Final = 4  # no side of the last feature map is longer
DEEPEST: Final = 4  # convolutions


@final
class Encoder(nn.Module):
    """Convolutions of size 5 that halve an image (C, H, W), then dense layers to ``outputs`` numbers.

    Source: Perarnau et al. 2016, arXiv 1611.06355, table 1; batch norm and ReLU follow every layer but the last.
    """

    def __init__(self, shape: tuple[int, ...], width: int, dense: int, outputs: int):
        super().__init__()
        halvings = min(DEEPEST, max(1, math.ceil(math.log2(max(shape[1:]) / SMALLEST))))
        layers: list[nn.Module] = []
        before = shape[0]
        for depth in range(halvings):
            after = width * 2**depth
            layers += [nn.Conv2d(before, after, 5, 2, 2, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            before = after
        flat = before * math.prod(map_sides(shape[1:], halvings)[-1])
        layers.append(nn.Flatten())
        if dense:
            layers += [nn.Linear(flat, dense, bias=False), nn.BatchNorm1d(dense), nn.ReLU(inplace=True)]
            flat = dense
        self.layers = nn.Sequential(*layers, nn.Linear(flat, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, outputs)."""
        outputs: Tensor = self.layers(images)
        return outputs


@contextmanager
def resting(network: nn.Module) -> Iterator[nn.Module]:
    """In the block, a network is in evaluation mode, so that it makes what it will make when it is used."""
    mode = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield network
    finally:
        network.train(mode)
