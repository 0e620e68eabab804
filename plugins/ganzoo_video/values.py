"""How videos are stored, normalised, drawn, written and read."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import IO, final

import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence
from torch import Tensor
from torch.nn.functional import pad

from ganzoo.plugin import FieldValues, UserError, to_pil, to_uint8

FORMATS = ("GIF", "WEBP", "PNG")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
DURATION = 125  # milliseconds of a frame


@final
class VideoValues(FieldValues):
    """Videos (T, C, H, W): stored as uint8, in [-1, 1] for networks; drawn as strips of frames, written as GIFs."""

    stored = torch.uint8
    suffix = ".gif"
    animation = ".gif"
    inputs = (".gif", ".webp", ".png")
    tiled = True

    def normalise(self, values: Tensor) -> Tensor:
        """Return videos as float32 in [-1, 1]."""
        return values.float().div_(127.5).sub_(1)

    def needed(self) -> str:
        """Return how to give a video."""
        return "a video: --input FILE or FOLDER"

    def decode(self, file: IO[bytes]) -> Tensor:
        """Return the first frames of an animated picture, each cut to the shape of the field around its centre."""
        frames, channels, height, width = self.field.shape
        with Image.open(file, formats=FORMATS) as animation:
            pictures = [
                np.array(ImageOps.fit(frame.convert(MODES[channels]), (width, height)), dtype=np.float32)
                for frame, _ in zip(ImageSequence.Iterator(animation), range(frames), strict=False)
            ]
        if len(pictures) < frames:
            raise UserError(f"it has {len(pictures)} frames, and this model needs {frames}")
        pixels = torch.from_numpy(np.stack(pictures)).view(frames, height, width, channels)
        return pixels.permute(0, 3, 1, 2).div(127.5).sub(1).contiguous()

    def encode(self, value: Tensor) -> bytes:
        """Return one video as an animated GIF."""
        pictures = [to_pil(frame) for frame in to_uint8(value)]
        buffer = io.BytesIO()
        pictures[0].save(
            buffer, format="GIF", save_all=True, append_images=pictures[1:], duration=DURATION, loop=0, optimize=False
        )
        return buffer.getvalue()

    def to_array(self, values: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
        """Return videos as uint8 (B, T, H, W) in grey or (B, T, H, W, C)."""
        pixels = to_uint8(values).movedim(2, -1).contiguous().numpy()
        return pixels[..., 0] if pixels.shape[-1] == 1 else pixels

    def tiles(self, values: Tensor) -> Tensor:
        """Return a strip (C, H, T × (W + 1) - 1) of the frames of each video, with a grey line between two."""
        return pad(values, (0, 1)).movedim(1, 3).flatten(3)[..., :-1]

    def frames(self, values: Tensor) -> Sequence[Tensor]:
        """Return the images (B, C, H, W) of every moment."""
        return values.unbind(1)
