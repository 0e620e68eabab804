"""Text in pictures, in any alphabet: with fonts of this machine that have its letters, or escaped where none has."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any, NamedTuple

from PIL import ImageDraw, ImageFont

from ganzoo.text import normal, printable, warn_once

MORE = "…"
MISSING = "\U0010ffff"  # a code point that is no letter, so that a font draws its sign for missing ones
JOINERS = "\u200c\u200d\ufe0e\ufe0f"  # say how neighbours are drawn, and have no glyph of their own
SHAPELESS = ("Last Resort", "STIXNonUnicode", "STIXSize", "cm")  # fonts whose glyphs are not those of the letters


class Source(NamedTuple):
    """A font file, and the number of the font in it; without a name, the font that comes with Pillow."""

    path: str = ""
    number: int = 0


class Run(NamedTuple):
    """Letters in one font."""

    text: str
    source: Source


def write(pen: ImageDraw.ImageDraw, centre: tuple[float, float], text: str, size: int, width: int, ink: str) -> None:
    """Draw ``text`` in one line around ``centre``, with letters of ``size`` pixels, shortened to ``width`` pixels."""
    runs = shortened(text, size, width)
    ascent, descent = font(Source(), size).getmetrics()
    left, line = centre[0] - _length(runs, size) / 2, centre[1] + (ascent - descent) / 2
    for run in runs:
        face = font(run.source, size)
        pen.text((left, line), run.text, fill=ink, font=face, anchor="ls")
        left += face.getlength(run.text)


def shortened(text: str, size: int, width: int) -> list[Run]:
    """Return the runs of ``text``, with ``…`` in place of its end where it is wider than ``width`` pixels."""
    whole = drawable(text)
    runs = runs_of(whole)
    kept = whole
    while len(kept) > 1 and _length(runs, size) > width:
        # An accent does not stay without its letter, nor is there a gap before the sign.
        kept = kept[:-1].rstrip()
        while len(kept) > 1 and unicodedata.combining(whole[len(kept)]):
            kept = kept[:-1]
        runs = runs_of(kept + MORE)
    return runs


def drawable(text: str) -> str:
    """Return ``text`` with an escape such as ``\\u732b`` for each letter that no font of this machine has."""
    plain = normal(printable("".join(letter for letter in text if letter not in JOINERS)))
    lost = sorted({letter for letter in plain if not _has(Source(), letter) and source_of(letter) is None})
    if lost:
        warn_once(
            f"no font of this machine has the letters {''.join(lost)}, so pictures show them as escapes such as "
            f"{_escaped(lost[0])}: install a font for this alphabet, for example a Noto font"
        )
    return "".join(_escaped(letter) if letter in lost else letter for letter in plain)


def runs_of(text: str) -> list[Run]:
    """Return ``text`` in as few fonts as possible; one of them should have all letters of a word, to join them."""
    for source in (Source(), *_sources()):
        if all(_has(source, letter) for letter in text):
            return [Run(text, source)]
        if not source.path and text.isascii():
            break
    runs: list[Run] = []
    for letter in text:
        if runs and runs[-1].source.path and _has(runs[-1].source, letter):
            runs[-1] = Run(runs[-1].text + letter, runs[-1].source)
            continue
        source = Source() if _has(Source(), letter) else source_of(letter) or Source()
        if runs and runs[-1].source == source:
            runs[-1] = Run(runs[-1].text + letter, source)
        else:
            runs.append(Run(letter, source))
    return runs


@functools.cache
def source_of(letter: str) -> Source | None:
    """Return the first font of this machine that has ``letter``, or ``None``."""
    return next((source for source in _sources() if _has(source, letter)), None)


@functools.lru_cache(maxsize=256)
def font(source: Source, size: int) -> Any:
    """Return a font for letters of ``size`` pixels."""
    return ImageFont.truetype(source.path, size, source.number) if source.path else ImageFont.load_default(size)


def _length(runs: list[Run], size: int) -> float:
    return float(sum(font(run.source, size).getlength(run.text) for run in runs))


def _escaped(letter: str) -> str:
    return ascii(letter)[1:-1]


def _has(source: Source, letter: str) -> bool:
    return ord(letter) in _letters_in(source) if source.path else _pillow_has(letter)


@functools.cache
def _pillow_has(letter: str) -> bool:
    """Return whether Pillow's font draws ``letter`` otherwise than what it lacks."""
    drawn, missing = (font(Source(), 20).getmask(one) for one in (letter, MISSING))
    return letter == " " or (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))


@functools.cache
def _sources() -> tuple[Source, ...]:
    """Return the upright fonts of usual weight of this machine, those without serifs first."""
    # matplotlib comes with DejaVu, and knows where the fonts of every system are.
    from matplotlib.font_manager import fontManager

    usual = [
        entry
        for entry in fontManager.ttflist
        if entry.style == "normal" and entry.weight in (400, "normal", "regular", "book")
        if not entry.name.startswith(SHAPELESS)
    ]
    usual.sort(key=lambda entry: (entry.name != "DejaVu Sans", "Sans" not in entry.name, entry.name, entry.fname))
    return tuple(Source(entry.fname, getattr(entry, "index", 0)) for entry in usual)


@functools.cache
def _letters_in(source: Source) -> frozenset[int]:
    """Return the code points of which a font has glyphs that can be drawn in any size; none of a damaged font."""
    from matplotlib.ft2font import FaceFlags, FT2Font

    try:
        face = FT2Font(source.path, face_index=source.number)
        font(source, 20)
        return frozenset(face.get_charmap()) if face.face_flags & FaceFlags.SCALABLE else frozenset()
    except Exception:  # FreeType's and Pillow's errors for a file that is no font, or was removed
        return frozenset()


def forget() -> None:
    """Forget which fonts there are, for instance after another one was installed."""
    for cached in (source_of, font, _pillow_has, _sources, _letters_in):
        cached.cache_clear()
