"""Pictures of tensors."""

from __future__ import annotations

import io

import torch
from PIL import Image, ImageColor

from ganzoo.drawing import DARK, GAP, LIGHT, SQUARE, enlarged, grid, png, stacked


def test_what_is_transparent_shows_a_checkerboard() -> None:
    images = torch.ones(2, 4, 48, 48)
    images[0, 3] = -1.0
    sheet = grid(images, columns=2)
    squares = [sheet.getpixel((GAP + SQUARE * number + 1, GAP + 1)) for number in range(4)]
    assert squares == [ImageColor.getrgb(colour) for colour in (DARK, LIGHT, DARK, LIGHT)]
    assert sheet.getpixel((2 * GAP + 48 + 5, GAP + 5)) == (255, 255, 255)


def ink(sheet: Image.Image, box: tuple[int, int, int, int]) -> bool:
    """Return whether something is written in a part of a picture."""
    return min(sheet.convert("L").crop(box).tobytes()) < 60


def test_columns_of_one_class_have_one_heading() -> None:
    images = torch.ones(4, 1, 48, 48)
    same, other = (grid(images, 4, headings) for headings in (["7"] * 4, ["7", "7", "7", "8"]))
    first, middle = (GAP, 0, GAP + 48, 15), (same.width // 2 - 10, 0, same.width // 2 + 10, 15)
    assert [ink(same, first), ink(same, middle)] == [False, True]
    assert ink(other, first)


def test_titles_stand_above_single_images_and_these_may_be_larger() -> None:
    plain, titled = (grid(torch.ones(3, 1, 16, 16), 2, titles=titles, least=70) for titles in ((), ("Digit: 1", "2")))
    band = (titled.height - plain.height) // 2
    assert (plain.size, band > 10) == ((2 * (80 + GAP) + GAP, 2 * (80 + GAP) + GAP), True)
    tops = [(GAP, GAP, 80, band), (2 * GAP + 80, GAP, 160, band), (GAP, 2 * GAP + 80 + band, 80, 80 + 2 * band)]
    assert [ink(titled, box) for box in tops] == [True, True, False]


def test_a_file_is_enlarged_by_a_whole_factor() -> None:
    content = enlarged(png(Image.new("L", (30, 20), 7)), 64)
    with Image.open(io.BytesIO(content)) as image:
        assert (image.size, image.mode, set(image.tobytes())) == ((90, 60), "L", {7})


def test_pictures_are_stacked() -> None:
    wide, tall = Image.new("RGB", (30, 10), "red"), Image.new("RGB", (20, 40), "blue")
    sheet = stacked([wide, tall])
    assert sheet.size == (30, 50)
    assert (sheet.getpixel((29, 9)), sheet.getpixel((19, 49))) == ((255, 0, 0), (0, 0, 255))
    assert stacked([wide]) is wide
