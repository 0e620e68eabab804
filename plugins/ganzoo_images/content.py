"""The distance of two images in the features of VGG19."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, final

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.plugin import UserError, read_file

LAYOUT: Final = ((64, 64), (128, 128), (256, 256, 256, 256), (512, 512, 512, 512), (512, 512, 512, 512))
SCALE: Final = 1 / 12.75  # of the features, which makes their distance about as large as that of pixels
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet
MOST_BYTES: Final = 2**30


@final
class Content(nn.Module):
    """The mean squared distance of the features φ5,4 of two images: after the activation, before the last pooling.

    Images are normalised as those of ImageNet. Blocks that small images have no pixels for are left out. The features
    never change: their weights are no part of a model or a checkpoint. Source: Ledig et al. 2017, arXiv 1609.04802,
    equation 5; Simonyan & Zisserman 2015, arXiv 1409.1556.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, weights: Path | None):
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("std", torch.tensor(STD)[:, None, None], persistent=False)
        given = _read(weights) if weights is not None else _random()
        self._names: list[list[str]] = []
        place, before = 0, 3
        for block in LAYOUT:
            names = []
            for width in block:
                for name, shape in (("weight", (width, before, 3, 3)), ("bias", (width,))):
                    self.register_buffer(f"{name}{place}", _fitting(given, f"features.{place}.{name}", shape), False)
                names.append(str(place))
                place, before = place + 2, width
            self._names.append(names)
            place += 1

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        """Return the distances (B,) of images (B, C, H, W) in [-1, 1]; the first have a gradient."""
        with torch.no_grad():
            wanted = self._features(true)
        return (self._features(made) - wanted).mul(SCALE).square().flatten(1).mean(dim=1)

    def _features(self, images: Tensor) -> Tensor:
        coloured = images[:, :3] if images.shape[1] >= 3 else images[:, :1].expand(-1, 3, -1, -1)
        h = (coloured.add(1).div(2) - self.mean) / self.std
        for number, names in enumerate(self._names):
            if number and min(h.shape[2:]) < 2:
                break
            h = F.max_pool2d(h, 2) if number else h
            for name in names:
                h = F.relu(F.conv2d(h, self.get_buffer(f"weight{name}"), self.get_buffer(f"bias{name}"), padding=1))
        return h


def _random() -> Mapping[str, Tensor]:
    """Return fixed random weights: He's initialisation keeps the scale of the features."""
    generator, before, place = torch.Generator().manual_seed(0), 3, 0
    made: dict[str, Tensor] = {}
    for block in LAYOUT:
        for width in block:
            with torch.device("cpu"):
                noise = torch.randn(width, before, 3, 3, generator=generator)
                made[f"features.{place}.bias"] = torch.zeros(width)
            made[f"features.{place}.weight"] = noise * (2 / (9 * before)) ** 0.5
            place, before = place + 2, width
        place += 1
    return made


def _read(path: Path) -> Mapping[str, Tensor]:
    """Return the tensors of a safetensors file."""
    try:
        return load(read_file(path, MOST_BYTES))
    except Exception as problem:  # a damaged file raises many types of exception
        raise UserError(f"{path} is no safetensors file: name another --recipe-content-weights") from problem


def _fitting(given: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    found = given.get(name)
    if found is None or tuple(found.shape) != shape:
        raise UserError(f"the weights of VGG19 have no {name} of shape {shape}: name another --recipe-content-weights")
    return found.detach().float().clone()
