"""Changes of pixels against the same changes by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from ganzoo_augmentation.pixels import (
    affine,
    colours,
    mirrored,
    moving,
    product,
    resampled,
    scaling,
    translated,
    turning,
    without_rectangle,
)

SHAPES = [(1, 8, 8), (3, 5, 9), (4, 6, 4), (2, 1, 3)]


def images(shape: tuple[int, ...], count: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(count, *shape, generator=torch.Generator().manual_seed(0), dtype=dtype)


def numbers(*values: float) -> Tensor:
    return torch.tensor(values)


def unmoved(count: int = 3) -> Tensor:
    return torch.eye(3).expand(count, 3, 3)


def test_a_mirrored_image_is_read_from_the_right() -> None:
    x = torch.tensor([[[[1.0, 2, 3]]]]).repeat(2, 1, 1, 1)
    assert mirrored(x, torch.tensor([True, False])).flatten().tolist() == [3, 2, 1, 1, 2, 3]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (0, -2), (-1, 2), (9, 9)])
def test_a_translated_image_moves_by_whole_pixels_into_zeros(shape: tuple[int, ...], down: int, right: int) -> None:
    x = images(shape)
    height, width = shape[1:]
    expected = torch.zeros_like(x)
    for row in range(height):
        for column in range(width):
            if 0 <= row - down < height and 0 <= column - right < width:
                expected[:, :, row, column] = x[:, :, row - down, column - right]
    found = translated(x, torch.full((3,), down), torch.full((3,), right))
    assert torch.equal(found, expected)


def test_each_image_moves_by_its_own_number() -> None:
    x = torch.tensor([[[[1.0, 2]]]]).repeat(3, 1, 1, 1)
    found = translated(x, torch.zeros(3, dtype=torch.long), torch.tensor([-1, 0, 1]))
    assert found.flatten().tolist() == [2, 0, 1, 2, 0, 1]


def test_a_rectangle_is_cut_out_as_far_as_it_is_inside() -> None:
    x = torch.ones(2, 1, 3, 4)
    found = without_rectangle(x, torch.tensor([-1, 1]), torch.tensor([2, -1]), 2, 3)
    assert found[0, 0].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert found[1, 0].tolist() == [[1, 1, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]]


@pytest.mark.parametrize("shape", SHAPES)
def test_an_image_that_stays_in_place_is_the_same_to_the_bit(shape: tuple[int, ...]) -> None:
    x = images(shape)
    assert torch.equal(resampled(x, unmoved()), x)


@pytest.mark.parametrize("shape", SHAPES)
def test_flips_and_turns_move_pixels_exactly(shape: tuple[int, ...]) -> None:
    x, one = images(shape), torch.ones(3)
    assert torch.equal(resampled(x, scaling(-one, one)), x.flip(-1))
    assert torch.equal(resampled(x, turning(-one, 0 * one)), x.rot90(2, (-2, -1)))
    if shape[1] == shape[2]:
        assert torch.equal(resampled(x, turning(0 * one, one)), x.rot90(1, (-2, -1)))


def test_outside_an_image_is_its_reflection() -> None:
    x = torch.tensor([[[[1.0, 2, 3, 4]]]])
    assert resampled(x, moving(numbers(2), numbers(0))).flatten().tolist() == [3, 4, 3, 2]
    assert resampled(x, moving(numbers(-3), numbers(5))).flatten().tolist() == [4, 3, 2, 1]
    assert resampled(x, moving(numbers(7), numbers(0))).flatten().tolist() == [2, 3, 4, 3]  # 6 pixels are a period


def test_values_between_pixels_are_interpolated() -> None:
    x = torch.tensor([[[[0.0, 4], [8, 16]]]])
    found = resampled(x, moving(numbers(0.25), numbers(0.5)))
    assert found[0, 0, 0, 0] == pytest.approx((0.75 * 0 + 0.25 * 4 + 0.75 * 8 + 0.25 * 16) / 2)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 5, 9)])
def test_resampling_is_what_torch_interpolates(shape: tuple[int, ...]) -> None:
    x = images(shape, dtype=torch.float64)
    height, width = shape[1:]
    angle = numbers(0.3, -1.0, 2.0).double()
    matrix = product(turning(angle.cos(), angle.sin()), moving(angle, -angle))
    places = torch.linalg.inv(torch.diag(torch.tensor([(width - 1) / 2, (height - 1) / 2, 1.0]).double()))
    grid = torch.nn.functional.affine_grid(
        (places @ matrix @ torch.linalg.inv(places))[:, :2], list(x.shape), align_corners=True
    )
    expected = torch.nn.functional.grid_sample(x, grid, padding_mode="reflection", align_corners=True)
    torch.testing.assert_close(resampled(x, matrix), expected)


def test_products_of_matrices_are_those_of_torch() -> None:
    one, other = torch.randn(2, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(product(one, other), one @ other)
    assert affine(*torch.arange(6.0)[:, None])[0].tolist() == [[0, 1, 2], [3, 4, 5], [0, 0, 1]]


def test_autocast_does_not_round_places() -> None:
    angle = numbers(0.3, -1.0, 2.0)
    x, matrix = images((1, 64, 64)), product(turning(angle.cos(), angle.sin()), moving(angle, angle))
    with torch.autocast("cpu", torch.bfloat16):
        found = resampled(x, product(matrix, unmoved()))
    assert torch.equal(found, resampled(x, product(matrix, unmoved())))


@pytest.mark.parametrize("shape", [(1, 3, 3), (2, 2, 3)])
def test_the_gradient_of_resampling_has_a_gradient(shape: tuple[int, ...]) -> None:
    x = images(shape, dtype=torch.float64).requires_grad_()
    angle = numbers(0.3, -1.0, math.pi).double()
    matrix = product(turning(angle.cos(), angle.sin()), scaling(1 + angle / 5, 1 - angle / 5))
    assert torch.autograd.gradcheck(lambda value: resampled(value, matrix), x)
    assert torch.autograd.gradgradcheck(lambda value: resampled(value, matrix).square(), x)


@pytest.mark.parametrize(("channels", "colour", "rest"), [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 3, 1), (5, 5, 0)])
def test_alpha_is_no_colour(channels: int, colour: int, rest: int) -> None:
    found = colours(torch.zeros(1, channels, 2, 2))
    assert [part.shape[1] for part in found] == [colour, rest]
