"""Images of a user as the input of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.errors import UserError
from ganzoo.storage.files import open_file
from ganzoo.text import one_line

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")  # Pillow starts other programs to read some of the others
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif")
MAX_PIXELS = 2**26


def input_files(path: Path) -> Sequence[Path]:
    """Return an image file, or the image files in a folder, sorted; raises :class:`UserError` if there is none."""
    if not path.is_dir():
        return (path,)
    found = sorted(file for file in path.iterdir() if file.is_file() and file.suffix.lower() in SUFFIXES)
    if not found:
        raise UserError(f"the folder {path} has no images: {', '.join(SUFFIXES)}")
    return found


def read_image(field: Field, value: Image.Image | Path | str) -> Tensor:
    """Return an image as a condition (C, H, W) float32 in [-1, 1], cut to the field's shape around its centre.

    Raises :class:`UserError` if the file cannot be read.
    """
    if isinstance(value, Image.Image):
        return _as_tensor(field, value)
    path = Path(value)
    try:
        with open_file(path) as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UserError(f"{path} has {image.width}×{image.height} pixels; at most {MAX_PIXELS:,} are read")
            return _as_tensor(field, ImageOps.exif_transpose(image))
    except UserError:
        raise
    except OSError as problem:
        raise UserError(f"{path} cannot be read as an image: {problem.strerror or one_line(problem)}") from problem
    except Exception as problem:  # Pillow raises many types of exception for a damaged file
        raise UserError(f"{path} is not a readable image: {one_line(problem)}") from problem


def _as_tensor(field: Field, image: Image.Image) -> Tensor:
    channels, height, width = field.shape
    modes = {1: "L", 3: "RGB", 4: "RGBA"}
    if channels not in modes:
        raise UserError(f"this model takes images with {channels} channels, which no picture has: give a tensor")
    fitted = ImageOps.fit(image.convert(modes[channels]), (width, height), Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(fitted, dtype=np.float32)).view(height, width, channels)
    return pixels.permute(2, 0, 1).div(127.5).sub(1).contiguous()
