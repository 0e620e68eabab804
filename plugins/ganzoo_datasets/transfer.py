"""Bringing one file from one address, going on where an earlier transfer was cut."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import final

from ganzoo.plugin import read_file, warn
from ganzoo_datasets.web import Broken, OutOfRange, Unavailable, opened, read

CHUNK = 2**18
TRIES, PAUSE = 5, 1.0  # tries in a row that bring little, and seconds between two
LITTLE = 2**20
NOTE = 2**16  # bytes that tell where a file comes from, at most
SLOWEST, WINDOW = 2**16, 60.0  # fewer bytes in so many seconds are too few: a server may drip for ever


@final
class Part:
    """What has come of the file ``path``: ``.NAME.part`` beside it, and in ``.NAME.part.source`` where from.

    It outlives its process. Nothing in it is trusted: whoever uses it checks the whole content against the
    published hash. That is why a part may be gone on with from any mirror, and why what the server called the
    edition (its ETag or date) only spares a transfer that the hash would refuse in the end.
    """

    def __init__(self, path: Path):
        self.path = path.with_name(f".{path.name}.part")
        self._source = path.with_name(f".{path.name}.part.source")

    @property
    def size(self) -> int:
        """How many bytes have come; what is no file, such as a link that leads out of the folder, has none."""
        return self.path.stat().st_size if self.path.is_file() and not self.path.is_symlink() else 0

    def edition(self, url: str) -> str:
        """Return what ``url`` called the edition when this was begun there, or nothing where it did not say."""
        try:
            address, edition = read_file(self._source, NOTE).decode("ascii").split("\n")
        except (OSError, ValueError):
            return ""
        return edition if address == url and edition.isprintable() else ""

    def begin(self, url: str, edition: str) -> None:
        """Be empty, and note where from the first byte comes."""
        self.discard()  # first: a note must never be about bytes that came before it
        with self._source.open("x", encoding="ascii", errors="replace") as file:
            file.write(f"{url}\n{edition}")

    def discard(self) -> None:
        """Leave nothing behind."""
        self.path.unlink(missing_ok=True)
        self._source.unlink(missing_ok=True)


def transfer(url: str, part: Part, size: int, shown: Callable[[int], None]) -> None:
    """Bring ``part`` to ``size`` bytes from ``url``; ``shown`` is told how many there are.

    A cut connection is tried again a few times. Raises :class:`Unavailable`, and then the part is what has come;
    ``OSError`` is the disk's.
    """
    tries, furthest = TRIES, part.size
    while part.size != size:
        try:
            _go_on(url, part, size, shown)
        except Broken as problem:
            tries -= 1
            if part.size >= furthest + LITTLE:
                tries, furthest = TRIES, part.size
            if tries == 0:
                raise Unavailable(str(problem)) from problem
            warn(f"{problem}; trying again")
            time.sleep(PAUSE)


def _go_on(url: str, part: Part, size: int, shown: Callable[[int], None]) -> None:
    """Bring what one answer gives."""
    if part.size > size:
        part.discard()
    have = part.size
    edition = part.edition(url) if have else ""
    headers = {"Range": f"bytes={have}-"} if have else {}
    if edition:
        headers["If-Range"] = edition
    try:
        with opened(url, headers) as answer:
            start = _start(answer, size)
            if start == 0:
                part.begin(url, _edition(answer))
            elif start != have or (edition and _edition(answer) not in ("", edition)):
                raise OutOfRange("it answers with other bytes than it was asked for")
            _append(answer, part, start, size, shown)
    except OutOfRange:
        part.discard()
        raise


def _append(answer: http.client.HTTPResponse, part: Part, have: int, size: int, shown: Callable[[int], None]) -> None:
    since, came = time.monotonic(), 0
    with part.path.open("ab") as file:
        # Never more than the file has: an answer may have no end.
        while have < size:
            chunk = read(answer, min(CHUNK, size - have))
            if not chunk:
                raise Broken(f"the connection was cut after {have} of {size} bytes")
            file.write(chunk)
            have += len(chunk)
            came += len(chunk)
            shown(have)
            now = time.monotonic()
            if now - since > WINDOW:
                if came < SLOWEST:
                    raise Unavailable(f"only {came} bytes came in {now - since:.0f} s")
                since, came = now, 0


def _start(answer: http.client.HTTPResponse, size: int) -> int:
    """Return the place of the first byte of an answer; raises where it is not of a file of ``size`` bytes."""
    if answer.status == HTTPStatus.PARTIAL_CONTENT:
        piece = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", answer.headers.get("Content-Range", ""))
        if piece is None:
            raise OutOfRange("it does not say which bytes it answers with")
        start, total = int(piece[1]), None if piece[2] == "*" else int(piece[2])
    elif answer.status == HTTPStatus.OK:
        start, total = 0, answer.length
    else:
        raise Unavailable(f"it answers {answer.status}")
    if total not in (None, size):
        raise Unavailable(f"the file there has {total} bytes, not {size}")
    return start


def _edition(answer: http.client.HTTPResponse) -> str:
    """Return what the server calls this edition of the file, as If-Range takes it."""
    tag = answer.headers.get("ETag", "")
    # A weak tag does not promise the same bytes.
    edition = tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")
    return edition if edition.isascii() and edition.isprintable() else ""
