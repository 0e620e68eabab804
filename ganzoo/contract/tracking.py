"""How far long work is: code anywhere reports it, and whoever began the work decides whether and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from ganzoo.contract.judge import Track, untracked

T = TypeVar("T")
_current: ContextVar[Track] = ContextVar("track", default=untracked)


def track(items: Iterable[T], what: str, count: int) -> Iterable[T]:
    """Return ``items``, of which there are ``count``, and show how many are done; ``what`` names the work.

    A training that shows its progress shows a bar on a terminal, and one line elsewhere; otherwise nothing is shown.
    """
    return _current.get()(items, what, count)


@contextmanager
def tracked_by(shown: Track) -> Iterator[None]:
    """In the block, show with ``shown`` what :func:`track` reports."""
    token = _current.set(shown)
    try:
        yield
    finally:
        _current.reset(token)
