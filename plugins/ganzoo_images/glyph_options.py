"""The options of the glyph datasets, and the fonts that they are drawn with; this module imports no torch."""

from __future__ import annotations

import string
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, UserError, natural_key, option
from ganzoo_images.derived_options import INPUT, TARGET

# The styles that come with matplotlib and have letters and digits: each style, with its heavier and its slanted one.
FONTS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "DejaVuSans": ("DejaVuSans-Bold", "DejaVuSans-Oblique"),
        "DejaVuSans-Bold": ("", "DejaVuSans-BoldOblique"),
        "DejaVuSans-Oblique": ("DejaVuSans-BoldOblique", ""),
        "DejaVuSans-BoldOblique": ("", ""),
        "DejaVuSansMono": ("DejaVuSansMono-Bold", "DejaVuSansMono-Oblique"),
        "DejaVuSansMono-Bold": ("", "DejaVuSansMono-BoldOblique"),
        "DejaVuSansMono-Oblique": ("DejaVuSansMono-BoldOblique", ""),
        "DejaVuSansMono-BoldOblique": ("", ""),
        "DejaVuSerif": ("DejaVuSerif-Bold", "DejaVuSerif-Italic"),
        "DejaVuSerif-Bold": ("", "DejaVuSerif-BoldItalic"),
        "DejaVuSerif-Italic": ("DejaVuSerif-BoldItalic", ""),
        "DejaVuSerif-BoldItalic": ("", ""),
        "STIXGeneral": ("STIXGeneralBol", "STIXGeneralItalic"),
        "STIXGeneralBol": ("", "STIXGeneralBolIta"),
        "STIXGeneralItalic": ("STIXGeneralBolIta", ""),
        "STIXGeneralBolIta": ("", ""),
    }
)
SUFFIXES = (".ttf", ".otf", ".ttc")

GREEK = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρστυφχψω"
CYRILLIC = "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя"
CHARACTERS: Mapping[str, str] = MappingProxyType(
    {
        "capitals": string.ascii_uppercase,
        "letters": string.ascii_letters,
        "alphanumeric": string.ascii_letters + string.digits,
        "european": string.ascii_letters + string.digits + GREEK + CYRILLIC,
    }
)


@dataclass(frozen=True)
class FontsConfig(DataConfig, ABC):
    """Options of pictures of characters."""

    judge: ClassVar[str] = "cnn"

    size: int = option(32, "height and width in pixels", low=8, high=256)
    characters: Literal["capitals", "letters", "alphanumeric", "european"] = option(
        "letters", "which characters; european: Latin, Greek and Cyrillic letters and digits"
    )
    split: Literal["train", "test"] = option("train", "the part for training, or the part that is held out")

    @property
    def letters(self) -> str:
        """The characters."""
        return CHARACTERS[self.characters]

    def fields(self, root: Path) -> dict[str, Field]:
        """Return the classes of a picture: its ``letter`` and its ``style``."""
        styles = tuple(self.styles(root))
        return {
            "letter": Field("class", classes=len(self.letters), names=tuple(self.letters)),
            "style": Field("class", classes=len(styles), names=styles),
        }

    @abstractmethod
    def styles(self, root: Path) -> Mapping[str, Path]:
        """Return the fonts by the name of the style."""


@dataclass(frozen=True)
class GlyphsConfig(FontsConfig):
    """Options of glyphs."""

    condition: Literal["letter", "style", "letter+style", "none"] = option(
        "letter", "the field that is the condition, or both; some styles of a letter are for the test"
    )
    fonts: str = option("", "a folder of fonts inside the data folder; empty for the fonts that come with matplotlib")

    def styles(self, root: Path) -> Mapping[str, Path]:
        """Return the fonts of the folder, or those of matplotlib; raises :class:`UserError` where there are none."""
        if not self.fonts:
            return {name: installed_font(name) for name in FONTS}
        folder = root / self.fonts
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder: name a folder of fonts inside --data-root with --dataset-fonts")
        fonts = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
        files = sorted(fonts, key=lambda path: natural_key(path.as_posix()))
        if not files:
            raise UserError(f"{folder} has no fonts ({', '.join(SUFFIXES)}): name another --dataset-fonts")
        return {path.relative_to(folder).with_suffix("").as_posix(): path for path in files}

    def spec(self, root: Path) -> DataSpec:
        """Return ``image`` (1, size, size), its ``letter`` and its ``style``."""
        fields = {"image": Field("image", (1, self.size, self.size)), **self.fields(root)}
        return DataSpec(fields, target="image", condition="" if self.condition == "none" else self.condition)


@dataclass(frozen=True)
class GlyphPairsConfig(FontsConfig):
    """Options of pairs of glyphs."""

    to: Literal["bold", "oblique"] = option("bold", "the style of the target")

    @property
    def style_pairs(self) -> Mapping[str, str]:
        """The style of the target for each style of an input."""
        place = {"bold": 0, "oblique": 1}[self.to]
        return {name: others[place] for name, others in FONTS.items() if others[place]}

    def styles(self, root: Path) -> Mapping[str, Path]:
        """Return the fonts of the inputs."""
        return {name: installed_font(name) for name in self.style_pairs}

    def spec(self, root: Path) -> DataSpec:
        """Return ``input`` and ``target`` (1, size, size), the ``letter`` and the ``style`` of the input."""
        image = Field("image", (1, self.size, self.size))
        return DataSpec({INPUT: image, TARGET: image, **self.fields(root)}, target=TARGET, condition=INPUT)


def installed_font(name: str) -> Path:
    """Return the file of a font that comes with matplotlib, which need not be imported for that."""
    package = find_spec("matplotlib")
    assert package is not None and package.origin is not None
    return Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / f"{name}.ttf"
