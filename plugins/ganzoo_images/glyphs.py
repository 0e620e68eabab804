"""Pictures of characters, drawn with fonts when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import final

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from ganzoo.plugin import Dataset, UserError
from ganzoo_images.derived_options import INPUT, TARGET
from ganzoo_images.glyph_options import GlyphPairsConfig, GlyphsConfig, installed_font

HEIGHT = 0.72  # of a line of text, in sides of a picture
BASELINE = 0.74  # from above
HELD_OUT = 5  # one of so many letters, or pictures, is for the test


class _Characters(Dataset):
    """A letter in a style for each example; those of the test are apart from those of the training."""

    def __init__(self, letters: str, styles: Sequence[str], held_out: Tensor, split: str):
        """``held_out`` (letters, styles) says which examples are for the test."""
        kept = (held_out if split == "test" else ~held_out).nonzero()
        self._letters, self._styles = kept[:, 0], kept[:, 1]
        self._characters, self._names = letters, styles

    def __len__(self) -> int:
        return len(self._letters)

    def classes(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the letter and the style of each example."""
        return {"letter": self._letters[indices], "style": self._styles[indices]}

    def drawn(self, indices: Tensor, fonts: Sequence[Path], size: int) -> Tensor:
        """Return the pictures (B, 1, size, size), uint8, with one of the ``fonts`` for each style."""
        pairs = zip(self._letters[indices].tolist(), self._styles[indices].tolist(), strict=True)
        images = [picture(self._characters[letter], fonts[style], size) for letter, style in pairs]
        return torch.stack(images)[:, None] if images else torch.empty(0, 1, size, size, dtype=torch.uint8)

    def identities(self) -> tuple[bytes, ...]:
        """Return the letters and the names of the styles."""
        return (repr((self._characters, tuple(self._names))).encode(),)


@final
class Glyphs(_Characters):
    """Every letter in every style; of each letter, every fifth style is held out, another one for each letter."""

    def __init__(self, config: GlyphsConfig, root: Path):
        styles = config.styles(root)
        letters, numbers = torch.arange(len(config.letters))[:, None], torch.arange(len(styles))
        super().__init__(config.letters, list(styles), (letters + numbers) % HELD_OUT == HELD_OUT - 1, config.split)
        self._fonts, self._size = list(styles.values()), config.size
        for path in self._fonts:
            picture(config.letters[0], path, config.size)  # a font that cannot be used is found before the training

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``image`` uint8 (B, 1, size, size), ``letter`` and ``style``."""
        return {"image": self.drawn(indices, self._fonts, self._size), **self.classes(indices)}


@final
class GlyphPairs(_Characters):
    """A letter in two styles; every fifth letter is held out in all styles, so that a model never saw it."""

    def __init__(self, config: GlyphPairsConfig, root: Path):
        pairs, letters = config.style_pairs, torch.arange(len(config.letters))
        held_out = (letters % HELD_OUT == HELD_OUT - 1)[:, None].expand(-1, len(pairs))
        super().__init__(config.letters, list(pairs), held_out, config.split)
        self._inputs, self._targets = ([installed_font(name) for name in names] for names in (pairs, pairs.values()))
        self._size = config.size

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return ``input`` and ``target`` uint8 (B, 1, size, size), ``letter`` and ``style``."""
        images = {name: self.drawn(indices, fonts, self._size) for name, fonts in self._both}
        return {**images, **self.classes(indices)}

    @property
    def _both(self) -> tuple[tuple[str, list[Path]], ...]:
        return (INPUT, self._inputs), (TARGET, self._targets)


def picture(letter: str, path: Path, size: int) -> Tensor:
    """Return a letter (size, size), uint8, white on black, on a common baseline, in the middle by its advance.

    Raises :class:`UserError` for a file that is no font.
    """
    font = _font(path, round(HEIGHT * size))
    image = Image.new("L", (size, size))
    left = (size - font.getlength(letter)) / 2
    ImageDraw.Draw(image).text((left, BASELINE * size), letter, fill=255, font=font, anchor="ls")
    return torch.from_numpy(np.array(image))


@lru_cache(maxsize=64)
def _font(path: Path, height: int) -> ImageFont.FreeTypeFont:
    try:
        return ImageFont.truetype(path, height)
    except OSError as problem:
        raise UserError(f"{path} cannot be used as a font ({problem}): remove or replace it") from problem
