"""Text in pictures: in any alphabet, shortened, and told where no font has its letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from matplotlib import font_manager
from PIL import Image, ImageChops, ImageDraw

from ganzoo import lettering
from ganzoo.drawing import grid
from ganzoo.lettering import MORE, Source, drawable, runs_of, shortened, write
from ganzoo.text import warn_once

CAT, HALF = "\u732b", "\u30cd\u30b3"
ALPHABETS = {
    "accents": "\u00c4pfel",
    "accents of their own": "A\u0308pfel",
    "Polish": "\u0141\u00f3d\u017a",
    "Greek": "\u03b3\u03ac\u03c4\u03b1",
    "Cyrillic": "\u043a\u043e\u0448\u043a\u0430",
    "Arabic": "\u0642\u0637\u0629 \u0635\u063a\u064a\u0631\u0629",
    "Hebrew": "\u05d7\u05ea\u05d5\u05dc",
    "Georgian": "\u10d9\u10d0\u10e2\u10d0",
    "signs": "\u2192 \u20ac \u00b5m",
}
ELSEWHERE = {
    "CJK": CAT,
    "Hangul": "\uace0\uc591\uc774",
    "Devanagari": "\u092c\u093f\u0932\u094d\u0932\u0940",
    "Thai": "\u0e41\u0e21\u0e27",
    "emoji": "\U0001f9a7",
}


@pytest.fixture(autouse=True)
def bundled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Only the fonts that come with matplotlib, so that machines do not differ."""
    own = [entry for entry in font_manager.fontManager.ttflist if "mpl-data" in entry.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    lettering.forget()
    warn_once.cache_clear()
    yield
    lettering.forget()


def drawn(text: str, width: int = 200) -> Image.Image:
    sheet = Image.new("L", (220, 40), 255)
    write(ImageDraw.Draw(sheet), (110, 20), text, 20, width, "black")
    return sheet


def box() -> Image.Image:
    """What Pillow's font draws for a letter that it lacks."""
    sheet = Image.new("L", (220, 40), 255)
    font = lettering.font(Source(), 20)
    ImageDraw.Draw(sheet).text((110, 20), "\U0010ffff", fill="black", font=font, anchor="mm")
    return sheet.crop(ImageChops.invert(sheet).getbbox())


def made_font(folder: Path, letters: str) -> str:
    """Write a font that has some letters, each as a full square."""
    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    names = [".notdef", *(f"u{ord(letter):04X}" for letter in letters)]
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    for corner in ((0, 900), (900, 900), (900, 0)):
        pen.lineTo(corner)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(letter): name for letter, name in zip(letters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Made Sans", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(folder / "made.ttf")
    return str(folder / "made.ttf")


@pytest.mark.parametrize("text", ALPHABETS.values(), ids=ALPHABETS)
def test_a_font_with_its_letters_is_chosen(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "\\" not in drawable(text)
    (run,) = runs_of(drawable(text))
    assert run.source.path.endswith("DejaVuSans.ttf")
    assert ImageChops.invert(drawn(text)).getbbox()
    assert capsys.readouterr().err == ""


def test_plain_text_needs_no_other_font() -> None:
    assert runs_of("cat 1 ~") == [("cat 1 ~", Source())]


@pytest.mark.parametrize("text", ELSEWHERE.values(), ids=ELSEWHERE)
def test_letters_that_no_font_has_are_escaped_and_told_once(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = drawable(f"a{text}")
    assert shown.isascii()
    assert shown.startswith("a\\")
    assert ascii(text[0])[1:-1] in shown
    drawable(f"a{text}")
    said = capsys.readouterr().err
    assert said.count("no font of this machine has the letters") == 1
    assert "install a font for this alphabet" in said
    lone = drawn(text)
    assert lone.crop(ImageChops.invert(lone).getbbox()).tobytes() != box().tobytes()


def test_a_font_of_the_machine_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    font_manager.fontManager.addfont(made_font(tmp_path, CAT + HALF))
    lettering.forget()
    assert drawable(f"{CAT}{HALF} cat") == f"{CAT}{HALF} cat"
    runs = runs_of(f"my {CAT}{HALF} cat")
    assert [(run.text, Path(run.source.path).name) for run in runs] == [
        ("my ", ""), (CAT + HALF, "made.ttf"), (" cat", "")
    ]  # fmt: skip
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"no font", b"\0\1\0\0" + bytes(100)])
def test_a_damaged_font_is_passed_over(content: bytes, tmp_path: Path) -> None:
    path = made_font(tmp_path, CAT)
    font_manager.fontManager.addfont(path)
    Path(path).write_bytes(content)
    lettering.forget()
    assert drawable(CAT) == "\\u732b"


@pytest.mark.parametrize(
    "text", ["ambulance drivers of the town", "\u00c4pfel und Birnen im Korb", "a\\u732b" * 9, "x" * 999]
)
@pytest.mark.parametrize("width", [48, 60, 100])
def test_what_is_too_long_ends_with_a_sign(text: str, width: int) -> None:
    runs = shortened(text, 11, width)
    joined = "".join(run.text for run in runs)
    assert joined.endswith(MORE)
    assert text.startswith(joined.removesuffix(MORE))
    assert sum(lettering.font(run.source, 11).getlength(run.text) for run in runs) <= width
    whole = "".join(run.text for run in shortened(text[:4], 11, width))
    assert whole == text[:4]


def test_an_accent_is_not_left_without_its_letter() -> None:
    text = "q\u0308" * 30
    for width in range(20, 100, 7):
        kept = "".join(run.text for run in shortened(text, 11, width)).removesuffix(MORE)
        assert len(kept) == 1 or len(kept) % 2 == 0


def test_commands_of_a_terminal_are_escaped() -> None:
    assert drawable("\x1b[31mred\n") == "\\x1b[31mred\\n"


def test_joiners_are_left_out() -> None:
    assert drawable("a\u200db\ufe0f") == "ab"


def test_headings_of_a_grid_are_drawn_in_their_alphabet() -> None:
    images = torch.zeros(2, 1, 48, 48)
    plain, other = (grid(images, 2, [name, "b"]) for name in ("cat", "\u043a\u043e\u0448\u043a\u0430"))
    assert plain.size == other.size
    assert ImageChops.difference(plain, other).getbbox()[3] <= 20  # type: ignore[index]
