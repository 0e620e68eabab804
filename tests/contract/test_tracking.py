"""Progress that is reported anywhere, and shown by whoever began the work."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from ganzoo.contract.tracking import track, tracked_by


class Noted:
    def __init__(self) -> None:
        self.works = list[tuple[str, int]]()

    def __call__(self, items: Iterable[Any], what: str, count: int) -> Iterable[Any]:
        self.works.append((what, count))
        return items


def test_progress_goes_to_the_innermost_and_nowhere_without_one() -> None:
    outer, inner = Noted(), Noted()
    assert list(track(range(3), "a", 3)) == [0, 1, 2]
    with tracked_by(outer):
        list(track(range(2), "b", 2))
        with pytest.raises(ZeroDivisionError), tracked_by(inner):
            list(track((1 / number for number in (1, 0)), "c", 2))
        list(track(range(2), "d", 2))
    list(track(range(2), "e", 2))
    assert (outer.works, inner.works) == ([("b", 2), ("d", 2)], [("c", 2)])
