"""Pictures: animations and curves."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest
from PIL import Image

from ganzoo import pictures
from ganzoo.drawing import png

pytestmark = pytest.mark.curves
NO_PICTURES: dict[str, Callable[[Path], object]] = {
    "a program": lambda path: path.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"),
    "a bomb": lambda path: Image.new("1", (9000, 9000)).save(path),
    "a pipe": os.mkfifo,
    "half a picture": lambda path: path.write_bytes(png(Image.new("RGB", (9, 9)))[:45]),
}


@pytest.mark.parametrize("what", NO_PICTURES)
def test_what_is_no_picture_of_a_run_gets_into_no_animation(what: str, tmp_path: Path) -> None:
    path = tmp_path / "step-00000001.png"
    NO_PICTURES[what](path)
    with pytest.raises(OSError, match=r"step-00000001.png is not a picture of a run"):
        pictures.animate([path], io.BytesIO())


def test_curves_are_drawn_without_tex(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with matplotlib.rc_context({"text.usetex": True}):
        pictures.curves([{"step": 1, "terms": {}, "values": {"a": 1.0}}])


def test_curves_of_very_many_names_are_drawn_in_part() -> None:
    many = {f"{number} {'x' * 9999}": 1.0 for number in range(2000)}
    drawn = pictures.curves([{"step": 1, "terms": {}, "values": {}, "scores": many}])
    assert drawn.height < 10_000
