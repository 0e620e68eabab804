"""What a page may ask for: numbers within limits, short words, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ganzoo.errors import UserError
from ganzoo.explore.wish import Wish, read_wish


def test_nothing_asked_for_is_the_usual_picture() -> None:
    assert read_wish(b"{}") == Wish()


def test_everything_is_read() -> None:
    asked = {
        "seed": 3,
        "second": 4,
        "share": 0.5,
        "count": 9,
        "truncation": 0.7,
        "label": "7",
        "given": True,
        "found": True,
        "controls": {"code": "3", "style": ""},
        "dimensions": {"12": -1},
        "directions": {"0": 2.5},
    }
    expected = Wish(3, 4, 0.5, 9, 0.7, "7", True, True, {"code": "3"}, {12: -1.0}, {0: 2.5})
    assert read_wish(json.dumps(asked).encode()) == expected


@pytest.mark.parametrize(
    "asked",
    [
        *([], 3, None, "wish", {"other": 1}),
        *({"seed": value} for value in (-1, 1.5, True, "1", None, 2**63, [])),
        *({"count": value} for value in (101, -1, "all")),
        *({"share": value} for value in (-0.1, 1.1, "half", True)),
        *({"truncation": value} for value in (3, float("nan"), float("inf"))),
        *({"label": value} for value in (7, ["7"], None, "x" * 10_001)),
        *(
            {"dimensions": value}
            for value in ([], {"-1": 1}, {"x": 1}, {"1": "2"}, {"1": 1e9}, {"1" * 20: 1}, {"²": 1})
        ),
        *({"controls": value} for value in ([], {"code": 3})),
    ],
    ids=str,
)
def test_what_is_none_is_refused(asked: Any) -> None:
    with pytest.raises(UserError):
        read_wish(json.dumps(asked).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000], ids=["empty", "cut", "bytes", "deep"])
def test_what_is_no_document_is_refused(text: bytes) -> None:
    with pytest.raises(UserError, match="JSON"):
        read_wish(text)
