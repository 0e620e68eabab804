"""Pictures with values beyond 8 bits, or with transparent pixels: how they become plain ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from PIL import Image

Values = np.ndarray[Any, np.dtype[Any]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

Colour = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
PLAIN = ("1", "L", "P", "RGB", "RGBA")  # modes from which Pillow converts to every other one
WHOLE = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes of whole numbers
REAL = ("F",)
DEPTHS = (8, 10, 12, 14, 16, 24, 31, 32)  # bits of the values that cameras and scanners make
USUAL = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))  # limits of floating-point images
BITS, FORMAT, UNSIGNED = 258, 339, 1  # of a TIFF file: bits of a value, what the bits mean


class Limits(NamedTuple):
    """The values that become black and white, or the least and the largest value of images."""

    low: float
    high: float

    def __str__(self) -> str:
        return " to ".join(f"{int(one):,}" if one.is_integer() else f"{one:.6g}" for one in map(float, self))

    def with_(self, other: Limits) -> Limits:
        """Return the limits of both."""
        return Limits(min(self.low, other.low), max(self.high, other.high))


def is_deep(image: Image.Image) -> bool:
    """Return whether an image has values beyond 8 bits that Pillow gives."""
    return image.mode in (*WHOLE, *REAL)


def deep_values(image: Image.Image) -> Values:
    """Return the values (H, W) of a deep image; raises ``ValueError`` where some are no numbers."""
    values = np.asarray(image)
    if image.mode in REAL and not np.isfinite(values).all():
        raise ValueError("floating-point pixels that are not finite numbers")
    about = getattr(image, "tag_v2", {})
    if image.mode == "I" and about.get(BITS) == (32,) and about.get(FORMAT, (UNSIGNED,)) == (UNSIGNED,):
        return values.view(np.uint32)  # Pillow takes them for signed ones
    return values


def limits_of(values: Values) -> Limits:
    """Return the least and the largest value."""
    return Limits(float(values.min()), float(values.max()))


def usual_limits(found: Limits, whole: bool) -> Limits:
    """Return limits for images whose values are ``found``: the usual ones that hold them, or else these themselves.

    Whole numbers have a depth of 8, 10, 12, 14, 16, 24, 31 or 32 bits; others are in [0, 1], [-1, 1] or [0, 255].

    >>> usual_limits(Limits(3, 3900), whole=True), usual_limits(Limits(-0.2, 0.9), whole=False)
    (Limits(low=0.0, high=4095.0), Limits(low=-1.0, high=1.0))
    """
    known = [(0.0, 2.0**bits - 1) for bits in DEPTHS] if whole else USUAL
    return next((Limits(low, high) for low, high in known if low <= found.low and found.high <= high), found)


def to_bytes(values: Values, limits: Limits) -> Bytes:
    """Return values as 8 bits: ``limits.low`` becomes 0 and ``limits.high`` 255; values outside are cut."""
    numbers: Values = values.astype(np.float32 if values.itemsize <= 2 else np.float64)
    numbers -= limits.low
    numbers *= 255 / ((limits.high - limits.low) or 1)
    return np.clip(numbers.round(), 0, 255).astype(np.uint8)


def plain_picture(
    image: Image.Image, whole: Limits, real: Limits, background: Colour = WHITE, alpha: bool = False
) -> Image.Image:
    """Return a picture with 8 bits per channel, and without transparency unless it may have ``alpha``.

    ``whole`` and ``real`` are the limits of whole and of floating-point numbers. Transparent pixels are laid on
    ``background``.
    """
    if is_deep(image):
        return Image.fromarray(to_bytes(deep_values(image), real if image.mode in REAL else whole))
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        below = Image.new("RGBA", image.size, background)
        return clear if alpha else Image.alpha_composite(below, clear)
    return image if image.mode in PLAIN else image.convert("RGB")


def own_limits(image: Image.Image) -> tuple[Limits, Limits]:
    """Return usual limits for one picture, of whole and of floating-point numbers."""
    if not is_deep(image):
        return Limits(0, 255), Limits(0, 1)
    found = limits_of(deep_values(image))
    return usual_limits(found, whole=True), usual_limits(found, whole=False)
