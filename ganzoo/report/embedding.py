"""Pictures as they stand in a page: whole, or made smaller where all of them together would be too large."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from ganzoo.storage.files import read_file
from ganzoo.text import one_line

BUDGET = 3_000_000  # bytes of all pictures of a page; a third more as text
MAX_FILE, MAX_PIXELS = 2**24, 2**25
QUALITY, LEAST = 75, 48  # of WebP in percent, and pixels


class Unreadable(Exception):
    """A file is no picture of a run."""


def read_picture(path: Path) -> tuple[bytes, Image.Image]:
    """Return the bytes of a PNG file and the picture; raises :class:`Unreadable`."""
    try:
        content = read_file(path, MAX_FILE)
        # Only PNG: Pillow starts other programs to read some formats.
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{image.width}×{image.height} pixels are too many")
            image.load()
            return content, image.convert("RGB")
    except Exception as problem:  # Pillow raises many types of exception for a damaged file
        raise Unreadable(f"{path.name} is not a picture of a run: {one_line(problem, 120)}") from problem


def as_url(png: bytes, image: Image.Image, most: int, widest: int) -> str:
    """Return a picture as a ``data:`` URL of at most about ``most`` bytes: its PNG, or a smaller WebP.

    It is at most ``widest`` pixels wide.
    """
    if len(png) <= most and image.width <= widest:
        return _url("png", png)
    scale = min(1.0, widest / image.width)
    while True:
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        buffer = io.BytesIO()
        image.resize(size, Image.Resampling.BOX).save(buffer, format="WEBP", quality=QUALITY, method=1)
        content = buffer.getvalue()
        if len(content) <= most or max(size) <= LEAST:
            return _url("webp", content)
        scale *= max(0.5, 0.95 * (most / len(content)) ** 0.5)


def _url(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
