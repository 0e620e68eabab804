"""Data that is only looked at: in such a block no dataset writes or downloads a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ganzoo.errors import UserError

_read_only: ContextVar[bool] = ContextVar("read_only", default=False)


class NotAtHand(UserError):
    """Data would have to be downloaded, and whoever asks for it wants nothing to be written."""


@contextmanager
def reading_only() -> Iterator[None]:
    """In the block, :func:`may_write` says no."""
    token = _read_only.set(True)
    try:
        yield
    finally:
        _read_only.reset(token)


def may_write() -> bool:
    """Return whether a dataset may write its files; where it may not, one that must raises :class:`NotAtHand`."""
    return not _read_only.get()
