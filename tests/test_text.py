"""Texts of messages, and names: the nearest one, their order, their forms in Unicode."""

from __future__ import annotations

import pytest

from ganzoo.text import did_you_mean, index_of, natural_key, warn_once


@pytest.mark.parametrize(
    ("name", "end"), [("hing", "; did you mean 'hinge'?"), ("qqqqq", "."), ("", "."), ("HINGE", ".")]
)
def test_the_nearest_name(name: str, end: str) -> None:
    assert did_you_mean(name, ["bce", "hinge", "lsgan"]) == end


@pytest.mark.parametrize(
    "names",
    [
        ["1", "2", "3", "10"],
        ["img2", "img10", "img10b", "img011"],
        ["B", "a", "b"],
        ["01", "1", "02"],
        ["", "7", "a", "a7", "a7b", "aa"],
        ["1" + "0" * 5000, "2" + "0" * 5000],
        ["Ä1", "A\u03082", "Ä10"],
    ],
)
def test_names_are_sorted_by_the_numbers_in_them(names: list[str]) -> None:
    mixed = names[::-1]
    mixed.sort(key=natural_key)
    assert mixed == names


@pytest.mark.parametrize(
    ("name", "index"),
    [("\u00c4pfel", 1), ("A\u0308pfel", 1), ("Apfel", None), ("가", 2), ("\u1100\u1161", 2), ("0", 0)],
)
def test_a_name_is_found_in_either_form_of_unicode(name: str, index: int | None) -> None:
    assert index_of(name, ("0", "A\u0308pfel", "가")) == index


def test_what_was_said_once_is_not_said_again(capsys: pytest.CaptureFixture[str]) -> None:
    warn_once("only here: this")
    warn_once("only here: this")
    assert capsys.readouterr().err == "ganzoo: only here: this\n"
