"""The changes of ADA, each of which an image undergoes with its own probability (arXiv 2006.06676, appendix B)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ganzoo.plugin import Draws
from ganzoo_augmentation.pixels import (
    colours,
    column,
    moving,
    product,
    resampled,
    scaling,
    turning,
    with_alpha,
    without_rectangle,
)

FARTHEST = 0.125  # of a move by whole pixels; the standard deviation of other moves: shares of the size of the image
SCALE = 0.2  # standard deviations from here, of logarithms to base 2 where they are of factors
BRIGHTNESS, CONTRAST, SATURATION = 0.2, 0.5, 1.0
HOLE = 0.5  # share of the height and of the width
RGB = 3


class Strengths(NamedTuple):
    """The probability of each group of changes, as a share of p."""

    blit: float
    geometry: float
    colour: float
    cutout: float


class _Chances:
    """Random numbers (B,) for ``count`` images: a number is what leaves an image as it is unless it is chosen."""

    def __init__(self, count: int, draws: Draws):
        self._count, self._draws = count, draws

    def chosen(self, p: Tensor) -> Tensor:
        """Return for each image whether it is chosen, with probability p."""
        return self._draws.uniform(self._count) < p

    def whole(self, bound: int, p: Tensor) -> Tensor:
        """Return whole numbers below ``bound``, or 0."""
        return self._draws.integers(bound, self._count) * self.chosen(p)

    def even(self, most: float, p: Tensor) -> Tensor:
        """Return numbers between -most and most, or 0."""
        return (self._draws.uniform(self._count) * 2 - 1) * most * self.chosen(p)

    def normal(self, deviation: float, p: Tensor) -> Tensor:
        """Return numbers from N(0, deviation²), or 0."""
        return self._draws.normal(self._count) * deviation * self.chosen(p)

    def factor(self, deviation: float, p: Tensor) -> Tensor:
        """Return numbers whose logarithms to base 2 are from N(0, deviation²), or 1."""
        return self.normal(deviation, p).exp2()


def moved(x: Tensor, blit: Tensor, geometry: Tensor, draws: Draws) -> Tensor:
    """Return images (B, C, H, W) flipped, turned, scaled and moved: one change of place, and one interpolation."""
    height, width = x.shape[-2:]
    chances = _Chances(len(x), draws)
    flip = chances.whole(2, blit)
    matrix = scaling(1.0 - 2.0 * flip, torch.ones_like(flip, dtype=torch.float32))
    # A quarter turn of an image that is not square has another shape.
    quarters = chances.whole(4, blit) if height == width else 2 * chances.whole(2, blit)
    matrix = product(matrix, turning(_cosine(quarters), _cosine(quarters - 1)))
    by = [chances.even(FARTHEST, blit) * size for size in (width, height)]
    matrix = product(matrix, moving(*(move.round() for move in by)))
    factor = chances.factor(SCALE, geometry)
    matrix = product(matrix, scaling(factor, factor))
    # Two rotations around the stretch: at least one of them with probability ``geometry``.
    turn = 1 - (1 - geometry).sqrt()
    matrix = product(matrix, _rotation(chances.even(math.pi, turn)))
    factor = chances.factor(SCALE, geometry)
    matrix = product(matrix, scaling(factor, 1 / factor))
    matrix = product(matrix, _rotation(chances.even(math.pi, turn)))
    chosen = chances.chosen(geometry)
    by = [draws.normal(len(x)) * FARTHEST * size * chosen for size in (width, height)]
    return resampled(x, product(matrix, moving(*by)))


def _cosine(quarters: Tensor) -> Tensor:
    """Return the cosine of a number of quarter turns, which is exact: 1, 0, -1, 0."""
    return (1 - (quarters % 4) % 2) * (1.0 - (quarters % 4))


def _rotation(angle: Tensor) -> Tensor:
    return turning(angle.cos(), angle.sin())


def recoloured(x: Tensor, p: Tensor, draws: Draws) -> Tensor:
    """Return images with another brightness, contrast, luma, hue and saturation; alpha stays as it is.

    An image is its luma, the mean of its channels, and what its channels differ from it. Images of one channel have
    only luma, and only those of three have a hue.
    """
    colour, alpha = colours(x)
    chances = _Chances(len(x), draws)
    brightness = chances.normal(BRIGHTNESS, p)
    contrast = chances.factor(CONTRAST, p)
    flip = chances.whole(2, p)
    angle = chances.even(math.pi, p)
    saturation = chances.factor(SATURATION, p)
    luma = colour.mean(1, keepdim=True)
    chroma = colour - luma
    luma = (luma + column(brightness)) * column(contrast * (1 - 2 * flip))
    if colour.shape[1] == RGB:
        across = (chroma.roll(-2, 1) - chroma.roll(-1, 1)) / math.sqrt(3)  # the grey axis × chroma
        chroma = chroma * column(angle.cos()) + across * column(angle.sin())
    chroma = chroma * column(contrast * saturation)
    # The sum of luma and chroma differs in the last bit from an image that nothing changed.
    changed = (brightness != 0) | (contrast != 1) | (flip != 0) | (angle != 0) | (saturation != 1)
    return torch.where(column(changed), with_alpha(luma + chroma, alpha), x)


def with_holes(x: Tensor, p: Tensor, draws: Draws) -> Tensor:
    """Return images in which a rectangle around a random place is 0."""
    chances = _Chances(len(x), draws)
    chosen = chances.chosen(p)
    height, width = x.shape[-2:]
    # A pixel is in the hole if its centre is: half a pixel beyond its corner.
    top, left = (draws.uniform(len(x)) * size - size * HOLE / 2 - 0.5 for size in (height, width))
    return torch.where(column(chosen), without_rectangle(x, top, left, height * HOLE, width * HOLE), x)
