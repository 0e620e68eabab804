"""One image file of anybody's: whether it is one, and its pixels, whatever its kind."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

# Pillow knows more formats, some of which start other programs; a name does not decide what a file is.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM")
SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")  # with values up to 65,535


def fault(path: Path) -> str:
    """Return why ``path`` is no usable image, as far as its header tells, or nothing where it is one."""
    try:
        # Opening a named pipe would wait for ever.
        if not stat.S_ISREG(path.stat().st_mode):
            return "not a file"
        with Image.open(path, formats=FORMATS) as image:
            if image.mode == "F":
                return "floating-point pixels, whose range is unknown"
            if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
                return f"{image.width}×{image.height} pixels are too many"
    except Exception as problem:  # a damaged file makes Pillow raise almost anything
        return reason(problem)
    return ""


def reason(problem: Exception) -> str:
    """Return what went wrong with a file, in words."""
    return "not an image" if isinstance(problem, UnidentifiedImageError) else str(problem) or repr(problem)


def pixels(path: Path, size: int, mode: str) -> Pixels:
    """Return the image as (C, size, size), uint8, the short side fitted and the long one cut on both ends.

    ``mode`` is Pillow's, ``RGB`` or ``L``. The image is turned as its EXIF says, transparent parts become
    white, and of an animation the first frame is taken. Raises whatever Pillow raises.
    """
    with Image.open(path, formats=FORMATS) as image:
        # A large JPEG is decoded at a fraction of its size, but never to less than is needed for a fair mean.
        image.draft(None, (2 * size, 2 * size))
        upright = ImageOps.exif_transpose(image)
    plain = _plain(upright).convert(mode)
    fitted = ImageOps.fit(plain, (size, size), Image.Resampling.BICUBIC)
    return np.array(fitted).reshape(size, size, -1).transpose(2, 0, 1)


def _plain(image: Image.Image) -> Image.Image:
    """Return the image with 8 bits a channel and nothing transparent."""
    if image.mode in SIXTEEN_BIT:
        # Pillow would clip at 255.
        values = np.asarray(image).astype(np.float32)
        return Image.fromarray(np.clip(values / 257, 0, 255).round().astype(np.uint8))
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA"))
    return image
