"""Drawing shapes by signed distances, with smooth edges, many images at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# Maps coordinates, in radii and with y downwards, to the distance from the edge, negative inside.
Distance = Callable[[Array, Array], Array]


def _disc(x: Array, y: Array, radius: float = 1.0) -> Array:
    return np.hypot(x, y) - radius


def _box(x: Array, y: Array, width: float, height: float) -> Array:
    return np.maximum(np.abs(x) - width, np.abs(y) - height)


def _ngon(x: Array, y: Array, corners: int, inner: float) -> Array:
    """A figure with corners at radius 1, one of them on top, and inner corners or edges at ``inner`` between them."""
    half = math.pi / corners
    angle = np.abs((np.arctan2(x, -y) + half) % (2 * half) - half)
    radius = np.hypot(x, y)
    # By symmetry, one half of one corner is enough: its edge is a line from (1, 0) to the inner corner.
    dent_x, dent_y = inner * math.cos(half), inner * math.sin(half)
    length = math.hypot(dent_x - 1, dent_y)
    normal_x, normal_y = dent_y / length, (1 - dent_x) / length
    return radius * (np.cos(angle) * normal_x + np.sin(angle) * normal_y) - normal_x


DISTANCES: Mapping[str, Distance] = MappingProxyType(
    {
        "circle": lambda x, y: _disc(x, y, 0.92),
        "square": lambda x, y: _box(x, y, 0.8, 0.8),
        "triangle": lambda x, y: _ngon(x, y - 0.2, 3, 0.5),
        "diamond": lambda x, y: _ngon(x / 0.72, y, 4, math.sqrt(0.5)) * 0.8,
        "cross": lambda x, y: np.minimum(_box(x, y, 0.95, 0.3), _box(x, y, 0.3, 0.95)),
        "ring": lambda x, y: np.abs(_disc(x, y, 0.75)) - 0.22,
        "star": lambda x, y: _ngon(x, y, 5, 0.42),
        "crescent": lambda x, y: np.maximum(_disc(x, y, 0.95), -_disc(x - 0.5, y, 0.75)),
    }
)


@dataclass(frozen=True)
class Sketch:
    """Position, size, angle and colours of B shapes.

    ``centre`` (B, 2) and ``radius`` (B,) in widths of the image, ``angle`` (B,) in radians, ``colour``
    (B, 3) and the grey ``background`` (B, 1) in 0 … 255.
    """

    centre: Array
    radius: Array
    angle: Array
    colour: Array
    background: Array


def draw(distance: Distance, sketch: Sketch, size: int) -> Array:
    """Return images (B, 3, size, size), uint8, of one shape, with antialiased edges."""
    line = (np.arange(size, dtype=np.float32) + 0.5) / size
    x = line[None, None, :] - sketch.centre[:, 0, None, None]
    y = line[None, :, None] - sketch.centre[:, 1, None, None]
    cos = (np.cos(sketch.angle) / sketch.radius)[:, None, None]
    sin = (np.sin(sketch.angle) / sketch.radius)[:, None, None]
    pixels = distance(cos * x + sin * y, cos * y - sin * x) * (sketch.radius * size)[:, None, None]
    cover = np.clip(0.5 - pixels, 0, 1)[:, None]
    ground = sketch.background[:, :, None, None]
    images: Array = np.rint(ground + cover * (sketch.colour[:, :, None, None] - ground)).astype(np.uint8)
    return images
