"""Images of any size through a network of one size: tile by tile, with constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Pixels = np.ndarray[Any, np.dtype[np.uint8]]

BATCH = 16  # tiles at once
OVERLAP = 4  # tiles overlap by one part in so many

Translate = Callable[[Array, int], Array]
"""Maps tiles (B, C, H, W), the first of which has this number, to tiles (B, C', s·H, s·W); values in [-1, 1]."""


def starts(length: int, tile: int) -> list[int]:
    """Return where tiles begin that cover ``length`` pixels: evenly, and each overlapping the one before it.

    >>> starts(64, 64), starts(100, 64), starts(256, 64)
    ([0], [0, 36], [0, 48, 96, 144, 192])
    """
    free = length - tile
    steps = -(-free // max(1, tile - tile // OVERLAP))
    return [round(number * free / steps) for number in range(steps + 1)] if free > 0 else [0]


def tiled(image: Pixels, tile: tuple[int, int], scale: int, channels: int, translate: Translate) -> Pixels:
    """Return the translated image (s·H, s·W, channels) of ``image`` (H, W, C).

    Where tiles overlap, one fades into the other. An image that is smaller than a tile is reflected at its borders.
    """
    height, width = image.shape[:2]
    missing = [(0, max(0, side - length)) for side, length in zip(tile, (height, width), strict=True)]
    padded = np.pad(image, (*missing, (0, 0)), mode="symmetric") if any(after for _, after in missing) else image
    rows, columns = (starts(length, side) for length, side in zip(padded.shape[:2], tile, strict=True))
    weights = _weights(tile[0] * scale)[:, None, None] * _weights(tile[1] * scale)[None, :, None]
    made = np.empty((padded.shape[0] * scale, padded.shape[1] * scale, channels), np.uint8)
    band = np.zeros((tile[0] * scale, made.shape[1], channels + 1), np.float32)  # the last channel sums the weights
    for number, top in enumerate(rows):
        first = number * len(columns)
        for left, values in _translated(padded[top : top + tile[0]], columns, tile[1], first, translate):
            part = band[:, left * scale : (left + tile[1]) * scale]
            part[..., :-1] += values.transpose(1, 2, 0) * weights
            part[..., -1:] += weights
        done = (rows[number + 1] - top) * scale if number + 1 < len(rows) else len(band)
        made[top * scale : top * scale + done] = _pixels(band[:done])
        band = np.concatenate([band[done:], np.zeros_like(band[:done])])
    return made[: height * scale, : width * scale]


def _translated(
    band: Pixels, columns: Sequence[int], width: int, first: int, translate: Translate
) -> Iterator[tuple[int, Array]]:
    """Yield the left side and the translated values (C', s·H, s·W) of each tile of a band."""
    for start in range(0, len(columns), BATCH):
        chosen = columns[start : start + BATCH]
        tiles = np.stack([band[:, left : left + width] for left in chosen]).transpose(0, 3, 1, 2)
        yield from zip(chosen, translate(tiles.astype(np.float32) / 127.5 - 1, first + start), strict=True)


def _weights(side: int) -> Array:
    """Return weights (side,) that rise from the borders to 1, over the part that tiles share."""
    place = np.arange(side, dtype=np.float32) + 0.5
    weights: Array = np.minimum(np.minimum(place, side - place) / max(1.0, side / OVERLAP), 1)
    return weights


def _pixels(sums: Array) -> Pixels:
    values = sums[..., :-1] / sums[..., -1:]
    return np.clip(np.rint((values + 1) * 127.5), 0, 255).astype(np.uint8)
