"""Reads back what an image of captioned shapes shows: the drawing that is nearest to it, and its colour."""

from __future__ import annotations

import itertools
from functools import cache
from typing import Final

import numpy as np
import torch
from torch import Tensor

from ganzoo_datasets.counters import uniform
from ganzoo_datasets.scenes import COLOURS, PLACES, SHAPES
from ganzoo_words.captioned_shapes import DRAWS, covers
from ganzoo_words.captions import NUMBERS, CaptionedScene

DRAWINGS: Final = 100  # of each scene, which differ in what a caption leaves open
BRIGHTEST: Final = 0.02  # share of the pixels that say which colour it is
CHUNK: Final = 256

_KINDS = tuple(itertools.product(NUMBERS, SHAPES, PLACES))


def read_scenes(images: Tensor) -> list[CaptionedScene]:
    """Return the scene of each image (B, 3, S, S) in [-1, 1]: no judge is trained, and nothing is learnt."""
    found = []
    for chunk in images.detach().float().cpu().split(CHUNK):
        pixels = (chunk.clamp(-1, 1) + 1) * 127.5
        colours, seen = _colours_and_covers(pixels)
        bank = _bank(chunk.shape[2])
        distances = bank.square().sum(1) - 2 * seen.flatten(1) @ bank.T
        nearest = distances.argmin(dim=1) // DRAWINGS
        for colour, kind in zip(colours.tolist(), nearest.tolist(), strict=True):
            number, shape, place = _KINDS[kind]
            found.append(CaptionedScene(number, list(COLOURS)[colour], shape, place))
    return found


def _colours_and_covers(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the colour (B,) of what stands out from the background, and its share of each pixel (B, S, S)."""
    size = pixels.shape[2]
    edge = torch.cat([pixels[:, :, 0], pixels[:, :, -1], pixels[:, :, :, 0], pixels[:, :, :, -1]], dim=2)
    ground = edge.median(dim=2).values
    above = pixels - ground[:, :, None, None]
    strength = above.square().sum(1).flatten(1)
    most = strength.topk(max(1, round(BRIGHTEST * size * size)), dim=1).indices
    front = above.flatten(2).gather(2, most[:, None].expand(-1, 3, -1)).mean(dim=2)
    share = torch.einsum("bchw,bc->bhw", above, front) / front.square().sum(1).clamp(min=1e-6)[:, None, None]
    shown = torch.nn.functional.normalize(front + ground, dim=1)
    known = torch.nn.functional.normalize(torch.tensor(list(COLOURS.values()), dtype=torch.float32), dim=1)
    return (shown @ known.T).argmax(dim=1), share.clamp(0, 1)


@cache
def _bank(size: int) -> Tensor:
    """Return drawings (K · DRAWINGS, size²) of every number, shape and place."""
    scenes = [CaptionedScene(number, "red", shape, place) for number, shape, place in _KINDS for _ in range(DRAWINGS)]
    free = uniform(0, "readings of captioned-shapes", np.arange(len(scenes)), DRAWS)[:, 1:]
    return torch.from_numpy(covers(scenes, free, size)).flatten(1)
