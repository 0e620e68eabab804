"""Pictures of tensors."""

from __future__ import annotations

import torch
from PIL import Image

from ganzoo.drawing import GAP, PAPER, grid, stacked


def test_what_is_transparent_shows_the_paper() -> None:
    images = torch.ones(2, 4, 48, 48)
    images[0, 3] = -1.0
    sheet = grid(images, columns=2)
    paper = Image.new("RGB", (1, 1), PAPER).getpixel((0, 0))
    assert sheet.getpixel((GAP + 5, GAP + 5)) == paper
    assert sheet.getpixel((2 * GAP + 48 + 5, GAP + 5)) == (255, 255, 255)


def test_pictures_are_stacked() -> None:
    wide, tall = Image.new("RGB", (30, 10), "red"), Image.new("RGB", (20, 40), "blue")
    sheet = stacked([wide, tall])
    assert sheet.size == (30, 50)
    assert (sheet.getpixel((29, 9)), sheet.getpixel((19, 49))) == ((255, 0, 0), (0, 0, 255))
    assert stacked([wide]) is wide
