"""Normalisation layers of networks that make images from images."""

from __future__ import annotations

from typing import Literal

from torch import nn

Norm = Literal["instance", "batch", "none"]


def norm_layer(norm: str, channels: int, affine: bool = True) -> nn.Module:
    """Return a normalisation of maps (B, C, H, W); ``affine`` gives instance norm a gain and a shift.

    Batch norm with batches of one image is instance norm with both, which is what pix2pix trains and samples with.
    """
    if norm == "instance":
        return nn.InstanceNorm2d(channels, affine=affine)
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()
