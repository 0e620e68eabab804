"""Pictures of any size through a model that makes images from images."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import final

import numpy as np
import torch
from PIL import Image

from ganzoo.contract.field_values import values_of
from ganzoo.contract.sampling import SampleRequest
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.fields.images import ImageValues, open_picture
from ganzoo.randomness import ExampleDraws, key
from ganzoo.storage.files import make_folder, write_atomically
from ganzoo.studio.conditions import reading
from ganzoo.studio.export import write_errors
from ganzoo.studio.model import Model
from ganzoo.studio.tiles import Array, Pixels, tiled
from ganzoo.text import warn

MOST_PIXELS = 2**28  # of what is made of one picture


@final
class Translator:
    """Makes pictures of pictures of any size; raises :class:`UserError` for a model that cannot.

    ``whole``: each picture is scaled to the size that the model was trained with, and back; else it is cut into tiles
    of that size. A model whose generator has noise makes another picture for each ``variation``.
    """

    def __init__(self, model: Model, seed: int = 0, whole: bool = False):
        given, made = model.condition, model.output
        if given is None or given.kind != "image" or made.kind != "image":
            raise UserError("this model makes no images from images: see `ganzoo sample`")
        values = values_of(given)
        assert isinstance(values, ImageValues)
        factors = {large / small for small, large in zip(given.shape[1:], made.shape[1:], strict=True)}
        scale = factors.pop()
        if factors or scale < 1 or not scale.is_integer():
            raise UserError(
                f"this model makes {made.describe()} from {given.describe()}, and only whole pictures are translated: "
                "see `ganzoo sample --input`"
            )
        self._model, self._values, self._scale, self._seed, self._whole = model, values, int(scale), seed, whole

    def __call__(self, picture: Image.Image, variation: int = 0) -> Image.Image:
        """Return the translated picture; what was transparent stays so."""
        model, scale = self._model, self._scale
        channels, height, width = self._values.field.shape
        size = picture.width * scale, picture.height * scale
        if size[0] * size[1] > MOST_PIXELS:
            raise UserError(f"{size[0]}×{size[1]} pixels would be made of it; at most {MOST_PIXELS:,} are")
        alpha = _alpha(picture) if channels != 4 and model.output.shape[0] in (1, 3) else None
        plain = self._values.plain(picture)
        if self._whole:
            plain = plain.resize((width, height), Image.Resampling.BICUBIC)
        pixels = np.asarray(plain).reshape(plain.height, plain.width, channels)
        made = tiled(pixels, (height, width), scale, model.output.shape[0], self._tiles(variation))
        result = _picture(made)
        if self._whole:
            result = result.resize(size, Image.Resampling.BICUBIC)
        if alpha is not None:
            result.putalpha(alpha.resize(size, Image.Resampling.BICUBIC))
        return result

    def _tiles(self, variation: int) -> _Tiles:
        return _Tiles(self._model, key(self._seed, "translate", variation))


@final
class _Tiles:
    """Translates tiles; the noise of a tile follows from ``seed`` and its number."""

    def __init__(self, model: Model, seed: int):
        self._model, self._seed = model, seed

    def __call__(self, tiles: Array, first: int) -> Array:
        recipe, count = self._model.recipe, len(tiles)
        device = next(recipe.parameters()).device
        draws = ExampleDraws(self._seed, "tiles", range(first, first + count))
        with torch.no_grad():
            condition = torch.from_numpy(tiles).to(device)
            made = recipe.sample(SampleRequest(count, condition, draws, output=self._model.output_name))
        return made.float().cpu().numpy()


def _alpha(picture: Image.Image) -> Image.Image | None:
    return picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None


def _picture(pixels: Pixels) -> Image.Image:
    """Return pixels (H, W, C) as a picture; of more channels than four, the first three."""
    channels = pixels.shape[2]
    if channels in (1, 2):
        return Image.fromarray(pixels[..., 0])
    return Image.fromarray(pixels if channels <= 4 else np.ascontiguousarray(pixels[..., :3]))


def write_translations(translator: Translator, files: Sequence[Path], count: int, out: Path) -> int:
    """Write ``count`` pictures for each file to the folder ``out``, or one to the file ``out``; return their number.

    Of several files, those that cannot be used are left out and named; raises :class:`UserError` if none can. After an
    error, or a signal, what was written is deleted, so that the command can be repeated.
    """
    single = out.suffix.lower() == ".png"
    if single and (len(files) > 1 or count > 1):
        raise UserError(f"one picture fits into {out}, and more are to be made: name a folder with --out")
    names = _names(files)
    written = 0
    with write_errors(out), ExitStack() as undone:
        if not single and not out.exists():
            undone.callback(_remove_if_empty, out)
        make_folder(out.parent if single else out)
        for file in files:
            try:
                with reading(file) as content:
                    picture = open_picture(content)
                for variation in range(count):
                    number = f"-{variation + 1:0{len(str(count))}d}" if count > 1 else ""
                    path = out if single else out / f"{names[file]}{number}.png"
                    if not single:
                        undone.callback(path.unlink, missing_ok=True)
                    write_atomically(path, png(translator(picture, variation)))
                    written += 1
            except UserError as problem:
                if len(files) == 1:
                    raise
                warn(f"left out: {problem}")
        if not written:
            raise UserError("none of the files could be translated: give pictures")
        undone.pop_all()
    return written


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """Return a name for what is made of each file: its own without the suffix, where that is enough to tell it."""
    stems = [file.stem for file in files]
    names: dict[Path, str] = {}
    for file in files:
        name = file.stem if stems.count(file.stem) == 1 else file.name
        while name in names.values():  # of another folder
            name += "_"
        names[file] = name
    return names
