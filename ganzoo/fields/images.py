"""Images."""

from __future__ import annotations

from typing import IO, Any, final

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from ganzoo.contract.field_values import Array, FieldValues
from ganzoo.depth import own_limits, plain_picture
from ganzoo.drawing import png, to_pil, to_uint8
from ganzoo.errors import UserError

# Those that a folder of images may have; Pillow starts other programs to read some of the others.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
MAX_PIXELS = 2**26
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def open_picture(file: IO[bytes]) -> Image.Image:
    """Return the picture in an open file, upright; raises :class:`UserError` if it is too large, or Pillow's errors."""
    with Image.open(file, formats=FORMATS) as image:
        if image.width * image.height > MAX_PIXELS:
            raise UserError(f"it has {image.width}×{image.height} pixels; at most {MAX_PIXELS:,} are read")
        image.load()
        return ImageOps.exif_transpose(image)


@final
class ImageValues(FieldValues):
    """Images (C, H, W): stored as uint8, in [-1, 1] for networks."""

    stored = torch.uint8
    suffix = ".png"
    tiled = True
    inputs = (
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif"),
        *(".tif", ".tiff", ".ppm", ".pgm", ".jp2", ".avif"),
    )

    def normalise(self, values: Tensor) -> Tensor:
        """Return images as float32 in [-1, 1].

        >>> from ganzoo.catalogue.data import Field
        >>> pixels = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
        >>> ImageValues(Field("image", (1, 1, 3))).normalise(pixels).flatten()
        tensor([-1.0000, -0.6000,  1.0000])
        """
        return values.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)

    def needed(self) -> str:
        """Return how to give an image."""
        return "an image: --input FILE or FOLDER"

    def read(self, value: Any) -> Tensor:
        """Return a picture (C, H, W), cut to the shape of the field around its centre, or a tensor as it is."""
        return self._fitted(value) if isinstance(value, Image.Image) else super().read(value)

    def decode(self, file: IO[bytes]) -> Tensor:
        """Return the picture in a file, upright, cut to the shape of the field around its centre.

        Transparent pixels are laid on white unless the field has alpha, and values beyond 8 bits are scaled.
        """
        return self._fitted(open_picture(file))

    def encode(self, value: Tensor) -> bytes:
        """Return one image (C, H, W) as a PNG file."""
        return png(to_pil(to_uint8(value[None])[0]))

    def to_array(self, values: Tensor) -> Array:
        """Return images as uint8 (B, H, W) in grey or (B, H, W, C)."""
        pixels = to_uint8(values).permute(0, 2, 3, 1).contiguous().numpy()
        return pixels[..., 0] if pixels.shape[-1] == 1 else pixels

    def from_array(self, array: Array) -> Tensor:
        """Return images of an array (B, H, W), (B, H, W, C) or (B, C, H, W): uint8, or real numbers in [-1, 1]."""
        channels, height, width = self.field.shape
        shape = array.shape[1:]
        if shape == (height, width) and channels == 1:
            array = array[:, None]
        elif shape == (height, width, channels):
            array = np.moveaxis(array, -1, 1)
        elif shape != (channels, height, width):
            raise UserError(f"the array has examples of shape {shape}, and the data has {self.field.describe()}")
        if array.dtype == np.uint8:
            return torch.from_numpy(np.ascontiguousarray(array)).float().div_(127.5).sub_(1)
        if array.dtype.kind != "f" or not np.isfinite(array).all() or np.abs(array).max() > 1:
            raise UserError("the array must hold uint8 from 0 to 255, or real numbers from -1 to 1")
        return torch.from_numpy(array.astype(np.float32))

    def misfit(self, file: IO[bytes]) -> str:
        """Return the size of an image that is not that of the field."""
        _, height, width = self.field.shape
        with Image.open(file, formats=FORMATS) as image:
            same = image.size == (width, height)
            return "" if same else f"is {image.width}×{image.height}, and the data is {width}×{height}"

    def tiles(self, values: Tensor) -> Tensor:
        """Return the images."""
        return values

    def plain(self, image: Image.Image) -> Image.Image:
        """Return a picture of any size with the channels of the field; raises :class:`UserError` if none has them."""
        channels = self.field.shape[0]
        if channels not in MODES:
            raise UserError(f"this model takes images with {channels} channels, which no picture has: give a tensor")
        return plain_picture(image, *own_limits(image), alpha=channels == 4).convert(MODES[channels])

    def _fitted(self, image: Image.Image) -> Tensor:
        channels, height, width = self.field.shape
        fitted = ImageOps.fit(self.plain(image), (width, height), Image.Resampling.BICUBIC)
        pixels = torch.from_numpy(np.array(fitted, dtype=np.float32)).view(height, width, channels)
        return pixels.permute(2, 0, 1).div(127.5).sub(1).contiguous()
