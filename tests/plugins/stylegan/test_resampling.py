"""Resampling through [1, 3, 3, 1] against its definition: zeros between the places, padding, and one convolution."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo_stylegan.resampling import doubled, halved, smoothed, smoothed_to_halve


def filtered(x: Tensor, padding: tuple[int, int], gain: float = 1.0, stride: int = 1) -> Tensor:
    """Convolve each channel with the outer product of [1, 3, 3, 1] / 8, times a gain."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype) / 8
    kernel = (gain * taps[:, None] * taps).expand(x.shape[1], 1, 4, 4)
    before, after = padding
    return F.conv2d(F.pad(x, (before, after, before, after)), kernel, stride=stride, groups=x.shape[1])


def with_zeros(x: Tensor) -> Tensor:
    """Return x with a zero behind every place, in both directions."""
    spread = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    spread[..., ::2, ::2] = x
    return spread


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 6, 4, dtype=torch.float64)


def test_doubling(x: Tensor) -> None:
    torch.testing.assert_close(doubled(x, (12, 8)), filtered(with_zeros(x), (2, 1), gain=4))
    assert torch.equal(doubled(x, (11, 7)), doubled(x, (12, 8))[..., :11, :7])


def test_halving(x: Tensor) -> None:
    torch.testing.assert_close(halved(x), filtered(x, (1, 1), stride=2))


def test_an_odd_side_is_halved_with_one_more_zero_at_its_end(x: Tensor) -> None:
    odd = x[..., :5, :3]
    assert halved(odd).shape == (2, 3, 3, 2)
    torch.testing.assert_close(halved(odd), halved(F.pad(odd, (0, 1, 0, 1))))


@pytest.mark.parametrize("sides", [(6, 4), (5, 4), (7, 3)])
def test_a_filter_before_a_convolution_of_stride_2(x: Tensor, sides: tuple[int, int]) -> None:
    maps, weight = F.pad(x, (0, 3, 0, 3))[..., : sides[0], : sides[1]], torch.randn(5, 3, 3, 3, dtype=torch.float64)
    made = F.conv2d(smoothed_to_halve(maps), weight, stride=2)
    assert made.shape[2:] == tuple(-(-side // 2) for side in sides)
    even = F.pad(maps, (0, sides[1] % 2, 0, sides[0] % 2))
    torch.testing.assert_close(made, F.conv2d(filtered(even, (2, 2)), weight, stride=2))


def test_a_filter_after_a_transposed_convolution(x: Tensor) -> None:
    weight = torch.randn(3, 5, 3, 3, dtype=torch.float64)
    spread = F.conv_transpose2d(x, weight, stride=2)
    torch.testing.assert_close(smoothed(spread, (12, 8)), filtered(spread, (1, 1), gain=4))


def test_a_constant_map_stays_constant_within() -> None:
    ones = torch.ones(1, 1, 8, 8)
    torch.testing.assert_close(doubled(ones, (16, 16))[..., 1:-1, 1:-1], torch.ones(1, 1, 14, 14))
    torch.testing.assert_close(halved(ones)[..., 1:-1, 1:-1], torch.ones(1, 1, 2, 2))
