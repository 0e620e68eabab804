"""Maps twice or half as large, through the filter [1, 3, 3, 1] of StyleGAN2.

The filter is three averages of two neighbours in a row, so that no weights of it have to be kept.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def doubled(x: Tensor, sides: tuple[int, int]) -> Tensor:
    """Return x (B, C, h, w) with twice the sides, cut at the end to ``sides``; the mean of a map stays.

    Zeros between the places and the filter [1, 3, 3, 1]/4, in each direction: to repeat each place is the first of the
    three averages.
    """
    return _cut(_averaged(_averaged(F.pad(F.interpolate(x, scale_factor=2.0), (1, 1, 1, 1)))), sides)


def smoothed(x: Tensor, sides: tuple[int, int]) -> Tensor:
    """Return what a transposed convolution of size 3 and stride 2 made, x (B, C, 2h + 1, 2w + 1), cut to ``sides``.

    The filter is [1, 3, 3, 1]/4 in each direction, four times an average, for the zeros of such a convolution.
    """
    return _cut(4.0 * _averaged(_averaged(_averaged(F.pad(x, (1, 1, 1, 1))))), sides)


def halved(x: Tensor) -> Tensor:
    """Return x (B, C, H, W) with half the sides, rounded up: the filter [1, 3, 3, 1]/8 in each direction, stride 2."""
    return F.avg_pool2d(_averaged(_averaged(_padded(x, 1))), 2)


def smoothed_to_halve(x: Tensor) -> Tensor:
    """Return x (B, C, H, W) through the filter, one place larger, ready for a convolution of size 3 and stride 2.

    Without padding, that convolution then returns half the sides, rounded up.
    """
    return _averaged(_averaged(_averaged(_padded(x, 2))))


def _padded(x: Tensor, border: int) -> Tensor:
    """Return x with zeros around it, and one more behind an odd side."""
    height, width = x.shape[2:]
    return F.pad(x, (border, border + width % 2, border, border + height % 2))


def _averaged(x: Tensor) -> Tensor:
    """Return the averages of neighbours in both directions, (B, C, H - 1, W - 1)."""
    return F.avg_pool2d(x, 2, stride=1)


def _cut(x: Tensor, sides: tuple[int, int]) -> Tensor:
    return x[..., : sides[0], : sides[1]]
