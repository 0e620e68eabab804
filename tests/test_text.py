"""Texts of messages: the nearest name."""

from __future__ import annotations

import pytest

from ganzoo.text import did_you_mean


@pytest.mark.parametrize(
    ("name", "end"), [("hing", "; did you mean 'hinge'?"), ("qqqqq", "."), ("", "."), ("HINGE", ".")]
)
def test_the_nearest_name(name: str, end: str) -> None:
    assert did_you_mean(name, ["bce", "hinge", "lsgan"]) == end
