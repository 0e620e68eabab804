"""One image file from any source: whether it is valid, and its pixels."""

from __future__ import annotations

import logging
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

# Pillow's messages are not printed: files that cannot be used are reported with a reason.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# Pillow reads more formats, some of them by starting other programs; the content decides, not the name.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # with values up to 65,535
UPRIGHT = 1
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# All threads together decode only one image of more pixels than this at a time, to bound the memory.
LARGE = 2**24
_large = Lock()


@contextmanager
def without_warnings() -> Iterator[None]:
    """In the block, silence Pillow's warnings about odd files: files that cannot be used are reported by a reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def header_problem(path: Path) -> str:
    """Return why ``path`` is not a usable image by its header, or nothing where it is."""
    try:
        with _opened(path):
            return ""
    except Exception as problem:  # Pillow raises many kinds of errors for damaged files
        return reason(problem)


def reason(problem: Exception) -> str:
    """Return the reason of an error with a file."""
    if isinstance(problem, UnidentifiedImageError):
        return "not an image"
    return getattr(problem, "strerror", None) or str(problem) or repr(problem)


def pixels(path: Path, size: int, mode: str) -> Pixels:
    """Return the image as (C, size, size), uint8; the short side is resized to ``size``, the long side centre-cropped.

    ``mode`` is Pillow's: ``RGB``, ``RGBA`` or ``L``. The EXIF orientation is applied, transparent pixels become white
    unless the mode has alpha, and of an animation the first frame is used. Raises Pillow's errors.
    """
    with _opened(path) as image:
        # A large JPEG is decoded at a fraction of its size, but at no less than twice the target for good quality.
        image.draft(None, (2 * size, 2 * size))
        with _large if image.width * image.height > LARGE else nullcontext():
            return _fitted(image, size, mode)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Yield the image with its header read; raises Pillow's errors, or ``ValueError``."""
    about = path.stat()
    # Opening a named pipe, or reading some device files, would block forever.
    if not stat.S_ISREG(about.st_mode) or not about.st_size:
        raise ValueError("empty" if stat.S_ISREG(about.st_mode) else "not a file")
    with Image.open(path, formats=FORMATS) as image:
        if image.mode == "F":
            raise ValueError("floating-point pixels, whose range is unknown")
        if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
            raise ValueError(f"{image.width}×{image.height} pixels are too many")
        yield image


def _fitted(image: Image.Image, size: int, mode: str) -> Pixels:
    plain = _plain(_upright(image), mode)
    # Conversion to the same mode would copy the image.
    shown = plain if plain.mode == mode else plain.convert(mode)
    fitted = ImageOps.fit(shown, (size, size), Image.Resampling.BICUBIC)
    return np.array(fitted).reshape(size, size, -1).transpose(2, 0, 1)


def _upright(image: Image.Image) -> Image.Image:
    """Return the image with its EXIF orientation applied."""
    image.load()
    try:
        turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
    except Exception:  # the metadata of a valid image may be damaged
        return image
    return image if turn is None else image.transpose(turn)


def _plain(image: Image.Image, mode: str) -> Image.Image:
    """Return the image with 8 bits per channel, and without transparency unless ``mode`` has it."""
    if image.mode in SIXTEEN_BIT:
        # Pillow's own conversion would clip at 255.
        values = np.asarray(image).astype(np.float32)
        return Image.fromarray(np.clip(values / 257, 0, 255).round().astype(np.uint8))
    if image.has_transparency_data and mode != "RGBA":
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image
