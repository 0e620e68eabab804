"""Images of any size, tile by tile."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from ganzoo.studio.tiles import OVERLAP, starts, tiled

SIZES = [(8, 8), (5, 3), (1, 1), (16, 16), (17, 40), (33, 9), (64, 50)]


def image(height: int, width: int, channels: int = 1) -> Any:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scale", [1, 3])
def test_tiles_that_stay_as_they_are_give_the_image(size: tuple[int, int], scale: int) -> None:
    given = image(*size, channels=3)
    made = tiled(given, (8, 8), scale, 3, lambda tiles, _: tiles.repeat(scale, axis=2).repeat(scale, axis=3))
    assert np.array_equal(made, given.repeat(scale, axis=0).repeat(scale, axis=1))


@pytest.mark.parametrize("tile", [(8, 8), (8, 16)])
def test_every_pixel_is_in_a_tile_and_neighbours_overlap(tile: tuple[int, int]) -> None:
    for length in range(1, 100):
        for side in tile:
            found = starts(length, side)
            assert found[0] == 0
            assert found[-1] == max(0, length - side)
            steps = [after - before for before, after in itertools.pairwise(found)]
            assert all(0 < step <= side - side // OVERLAP for step in steps)


def test_tiles_are_numbered_from_the_first_to_the_last() -> None:
    numbers: list[int] = []

    def seen(tiles: Any, first: int) -> Any:
        numbers.extend(range(first, first + len(tiles)))
        return tiles

    tiled(image(20, 200), (8, 8), 1, 1, seen)
    assert numbers == [*range(len(starts(20, 8)) * len(starts(200, 8)))]


def test_one_tile_fades_into_the_next() -> None:
    """A model that makes each tile darker or brighter leaves no edge where two tiles meet."""
    made = tiled(image(8, 14), (8, 8), 1, 1, lambda tiles, _: np.stack([np.full((1, 8, 8), v) for v in (-0.5, 0.5)]))
    row = made[4, :, 0].astype(int)
    assert (row[0], row[-1]) == (64, 191)
    assert np.diff(row).min() >= 0


def test_the_memory_does_not_grow_with_the_height() -> None:
    """What is held besides the image and the result is one band of tiles."""
    seen = []
    tiled(image(200, 8), (8, 8), 1, 1, lambda tiles, _: seen.append(tiles.shape) or tiles)
    assert set(seen) == {(1, 1, 8, 8)}
