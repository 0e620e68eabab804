"""One image file from any source: whether it is valid, what is special about it, and its pixels."""

from __future__ import annotations

import logging
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from ganzoo.plugin import Limits, deep_values, is_deep, limits_of, plain_picture

Pixels = np.ndarray[Any, np.dtype[np.uint8]]

# Pillow's messages are not printed: files that cannot be used are reported with a reason.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# Pillow reads more formats, some of them by starting other programs; the content decides, not the name.
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
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
LYING = (5, 6, 7, 8)  # orientations in which width and height change places

# All threads together decode only one image of more pixels than this at a time, to bound the memory.
LARGE = 2**24
_large = Lock()


@contextmanager
def without_warnings() -> Iterator[None]:
    """In the block, silence Pillow's warnings about odd files: files that cannot be used are reported by a reason."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True)
class Canvas:
    """What every image becomes: ``width`` × ``height`` pixels of Pillow's ``mode`` (``RGB``, ``RGBA`` or ``L``).

    An image of another shape is cut at two sides (``crop``), gets two bars (``pad``) or is distorted (``stretch``).
    Bars, and what is transparent, have the colour ``background``, or stay transparent in ``RGBA``. ``whole`` and
    ``real`` are the values that become black and white in images of whole and of floating-point numbers. An image may
    show several pictures ``beside`` each other, all of one width; each of them is brought to the size of the canvas.
    """

    width: int
    height: int
    mode: str = "RGB"
    fit: str = "crop"
    background: tuple[int, int, int] = (255, 255, 255)
    whole: Limits = Limits(0, 65535)
    real: Limits = Limits(0, 1)
    beside: int = 1


class Facts(NamedTuple):
    """What is special about an image: what a canvas does not show of it, or how it does.

    ``limits`` are those of its values if it is ``whole`` or ``real``, which has values beyond 8 bits.
    """

    transparent: bool = False
    animated: bool = False
    reshaped: bool = False
    halved: bool = False
    whole: bool = False
    real: bool = False
    limits: Limits = Limits(0, 0)


def header_problem(path: Path) -> str:
    """Return why ``path`` is not a usable image by its header, or nothing where it is."""
    try:
        with _opened(path):
            return ""
    except Exception as problem:  # Pillow raises many kinds of errors for damaged files
        return reason(problem)


class Header(NamedTuple):
    """The size of an image in pixels, Pillow's mode and the format of its file."""

    width: int
    height: int
    mode: str
    format: str


def header(path: Path) -> Header | None:
    """Return what the header of an image says, or ``None`` where it cannot be read."""
    try:
        with _opened(path) as image:
            return Header(image.width, image.height, image.mode, image.format or "")
    except Exception:  # Pillow raises many kinds of errors for damaged files
        return None


def reason(problem: Exception) -> str:
    """Return the reason of an error with a file."""
    if isinstance(problem, UnidentifiedImageError):
        return "not an image, or of a kind that is not read"
    return getattr(problem, "strerror", None) or str(problem) or repr(problem)


def pixels(path: Path | bytes, canvas: Canvas) -> Pixels:
    """Return the image in a file, or in its bytes, as (beside × C, height, width), uint8, as it is on ``canvas``.

    The EXIF orientation is applied, and of an animation the first frame is used. Raises Pillow's errors.
    """
    with _opened(path) as image, _bounded(image, canvas):
        return _on_canvas(image, canvas)


def facts(path: Path | bytes, canvas: Canvas, decode: bool = True) -> Facts:
    """Return what is special about an image; without ``decode`` by its header, except for values beyond 8 bits.

    Raises Pillow's errors for a file that cannot be read.
    """
    with _opened(path) as image, _bounded(image, canvas):
        deep = is_deep(image)
        transparent = image.has_transparency_data and not deep
        animated, halved = _is_animated(image), _is_halved(image)
        limits = Limits(0, 0)
        if deep:
            image.load()
            limits = limits_of(deep_values(image))
        elif decode:
            _on_canvas(image, canvas)
            transparent = transparent and image.convert("RGBA").getchannel("A").getextrema() != (255, 255)
        # Pillow decodes a PNG file to look for its orientation, and knows the upright size of a TIFF file before.
        turned = (decode or image.format not in ("PNG", "TIFF")) and _orientation(image) in LYING
        reshaped = _is_reshaped(image.size[::-1] if turned else image.size, canvas)
        real = image.mode == "F"
        return Facts(transparent, animated, reshaped, halved, deep and not real, deep and real, limits)


@contextmanager
def _opened(source: Path | bytes) -> Iterator[Image.Image]:
    """Yield the image with its header read; raises Pillow's errors, or ``ValueError``."""
    if isinstance(source, Path):
        about = source.stat()
        # Opening a named pipe, or reading some device files, would block forever.
        if not stat.S_ISREG(about.st_mode) or not about.st_size:
            raise ValueError("empty" if stat.S_ISREG(about.st_mode) else "not a file")
    with Image.open(BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS) as image:
        if Image.MAX_IMAGE_PIXELS and image.width * image.height > Image.MAX_IMAGE_PIXELS:
            raise ValueError(f"{image.width}×{image.height} pixels are too many")
        yield image


@contextmanager
def _bounded(image: Image.Image, canvas: Canvas) -> Iterator[None]:
    """In the block, decode an image with little memory."""
    # A large JPEG is decoded at a fraction of its size, but at no less than twice the target for good quality.
    side = 2 * max(canvas.width, canvas.height)
    image.draft(None, (side, side))
    with _large if image.width * image.height > LARGE else nullcontext():
        yield


def _on_canvas(image: Image.Image, canvas: Canvas) -> Pixels:
    alpha = canvas.mode == "RGBA"
    plain = plain_picture(_upright(image), canvas.whole, canvas.real, canvas.background, alpha)
    # Conversion to the same mode would copy the image.
    shown = plain if plain.mode == canvas.mode else plain.convert(canvas.mode)
    width = shown.width // canvas.beside
    if not width:
        raise ValueError(f"{shown.width} pixels are too few for {canvas.beside} pictures beside each other")
    starts = range(0, width * canvas.beside, width)
    parts = [shown.crop((start, 0, start + width, shown.height)) for start in starts] if len(starts) > 1 else [shown]
    arrays = [np.array(_fitted(part, canvas)).reshape(canvas.height, canvas.width, -1) for part in parts]
    return np.concatenate([array.transpose(2, 0, 1) for array in arrays])


def _upright(image: Image.Image) -> Image.Image:
    """Return the image with its EXIF orientation applied."""
    image.load()
    turn = TURNS.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, UPRIGHT))
    except Exception:  # the metadata of a valid image may be damaged
        return UPRIGHT


def _fitted(image: Image.Image, canvas: Canvas) -> Image.Image:
    """Return the image with the size of the canvas."""
    size = canvas.width, canvas.height
    if canvas.fit == "crop":
        return ImageOps.fit(image, size, Image.Resampling.BICUBIC)
    if canvas.fit == "stretch":
        return image.resize(size, Image.Resampling.BICUBIC)
    scale = min(canvas.width / image.width, canvas.height / image.height)
    inner = max(1, round(scale * image.width)), max(1, round(scale * image.height))
    corner = (canvas.width - inner[0]) // 2, (canvas.height - inner[1]) // 2
    bars = Image.new("RGB", size, canvas.background).convert(canvas.mode)
    if canvas.mode == "RGBA":
        bars.putalpha(0)
    bars.paste(image.resize(inner, Image.Resampling.BICUBIC), corner)
    return bars


def _is_animated(image: Image.Image) -> bool:
    """Return whether a file has several frames or pages."""
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # the second frame of a valid image may be damaged
        return False


def _is_halved(image: Image.Image) -> bool:
    """Return whether Pillow gives only the upper 8 of 16 bits, as it does for colours."""
    layouts = [str(getattr(tile, "args", "")) for tile in getattr(image, "tile", ())]
    return not is_deep(image) and any(";16" in layout for layout in layouts)


def _is_reshaped(size: tuple[int, int], canvas: Canvas) -> bool:
    """Return whether an image has another shape than the canvas, by more than a pixel of the canvas."""
    width, height = size[0] / canvas.beside, size[1]
    scale = min(canvas.width / width, canvas.height / height)
    return max(canvas.width - scale * width, canvas.height - scale * height) >= 1
