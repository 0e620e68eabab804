"""The transfer of one file from one address, resumed where an earlier transfer was interrupted."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import final

from ganzoo.plugin import read_file, warn
from ganzoo_datasets.web import OutOfRange, TransferError, Unavailable, open_url, read

CHUNK = 2**18
TRIES, PAUSE = 5, 1.0  # attempts in a row with little progress, and seconds between two
LITTLE = 2**20  # bytes
NOTE = 2**16  # most bytes of the note on the origin of a file
SLOWEST, WINDOW = 2**16, 60.0  # fewer bytes in this many seconds are too few: a server may send slowly without end


@final
class PartialFile:
    """The bytes received of the file ``path``: ``.NAME.part`` beside it, and their origin in ``.NAME.part.source``.

    It outlives its process. It is not trusted: the caller verifies the complete content with the published hash. So
    any mirror may continue it, and the server's validator (an ETag or date) only saves transfers that the hash would
    refuse in the end.
    """

    def __init__(self, path: Path):
        self.path = path.with_name(f".{path.name}.part")
        self._source = path.with_name(f".{path.name}.part.source")

    @property
    def size(self) -> int:
        """Number of bytes received; 0 for anything but a file, such as a link that leads out of the folder."""
        return self.path.stat().st_size if self.path.is_file() and not self.path.is_symlink() else 0

    def validator(self, url: str) -> str:
        """Return the validator that ``url`` sent when this was started there, or nothing."""
        try:
            address, validator = read_file(self._source, NOTE).decode("ascii").split("\n")
        except (OSError, ValueError):
            return ""
        return validator if address == url and validator.isprintable() else ""

    def start(self, url: str, validator: str) -> None:
        """Delete all bytes, and note the origin of the next ones."""
        self.discard()  # first: a note must never be about bytes that were received before it
        with self._source.open("x", encoding="ascii", errors="replace") as file:
            file.write(f"{url}\n{validator}")

    def discard(self) -> None:
        """Delete the bytes and the note."""
        self.path.unlink(missing_ok=True)
        self._source.unlink(missing_ok=True)


def transfer(url: str, partial: PartialFile, size: int, report: Callable[[int], None]) -> None:
    """Complete ``partial`` to ``size`` bytes from ``url``; ``report`` is called with the number of bytes so far.

    After an interruption it is tried again a few times. Raises :class:`Unavailable`, and keeps the bytes received;
    an ``OSError`` is always one of the disk.
    """
    tries, furthest = TRIES, partial.size
    while partial.size != size:
        try:
            _resume(url, partial, size, report)
        except TransferError as problem:
            tries -= 1
            if partial.size >= furthest + LITTLE:
                tries, furthest = TRIES, partial.size
            if tries == 0:
                raise Unavailable(str(problem)) from problem
            warn(f"{problem}; trying again")
            time.sleep(PAUSE)


def _resume(url: str, partial: PartialFile, size: int, report: Callable[[int], None]) -> None:
    """Append the bytes of one response."""
    if partial.size > size:
        partial.discard()
    have = partial.size
    validator = partial.validator(url) if have else ""
    headers = {"Range": f"bytes={have}-"} if have else {}
    if validator:
        headers["If-Range"] = validator
    try:
        with open_url(url, headers) as response:
            first = _first_byte(response, size)
            if first == 0:
                partial.start(url, _validator(response))
            elif first != have or (validator and _validator(response) not in ("", validator)):
                raise OutOfRange("it sends other bytes than requested")
            _append(response, partial, first, size, report)
    except OutOfRange:
        partial.discard()
        raise


def _append(
    response: http.client.HTTPResponse, partial: PartialFile, have: int, size: int, report: Callable[[int], None]
) -> None:
    since, received = time.monotonic(), 0
    with partial.path.open("ab") as file:
        # Never more than the file has: a response may have no end.
        while have < size:
            chunk = read(response, min(CHUNK, size - have))
            if not chunk:
                raise TransferError(f"the connection was closed after {have} of {size} bytes")
            file.write(chunk)
            have += len(chunk)
            received += len(chunk)
            report(have)
            now = time.monotonic()
            if now - since > WINDOW:
                if received < SLOWEST:
                    raise Unavailable(f"it sends only {received} bytes in {now - since:.0f} s")
                since, received = now, 0


def _first_byte(response: http.client.HTTPResponse, size: int) -> int:
    """Return the offset of the first byte of a response; raises where the file does not have ``size`` bytes."""
    if response.status == HTTPStatus.PARTIAL_CONTENT:
        piece = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
        if piece is None:
            raise OutOfRange("it does not say which bytes it sends")
        first, total = int(piece[1]), None if piece[2] == "*" else int(piece[2])
    elif response.status == HTTPStatus.OK:
        first, total = 0, response.length
    else:
        raise Unavailable(f"it answers {response.status}")
    if total not in (None, size):
        raise Unavailable(f"its file has {total} bytes, not {size}")
    return first


def _validator(response: http.client.HTTPResponse) -> str:
    """Return the validator of this version of the file, for If-Range (RFC 9110)."""
    tag = response.headers.get("ETag", "")
    # A weak ETag does not promise equal bytes.
    validator = tag if tag.startswith('"') else response.headers.get("Last-Modified", "")
    return validator if validator.isascii() and validator.isprintable() else ""
