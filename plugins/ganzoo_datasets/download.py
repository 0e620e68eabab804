"""Fetching the files of a published dataset: one process at a time, checked, in place only when whole."""

from __future__ import annotations

import hashlib
import http.client
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from ganzoo.errors import UserError
from ganzoo_datasets.files import locked, replacing, say
from ganzoo_datasets.sources import Source

TIMEOUT = 30.0  # seconds without a byte
CHUNK = 2**18
# More than the largest file of any source: a server that never stops is left there.
LIMIT = 2**28


class _UnavailableError(Exception):
    """A mirror did not give the file."""


def fetch(source: Source, names: Sequence[str], root: Path) -> None:
    """Put those of the archives ``names`` that are missing into the source's folder below ``root``.

    Raises :class:`UserError` where no mirror gives them, saying which files to put where, or where they cannot
    be saved.
    """
    if not names:
        return
    folder = source.folder_in(root)
    try:
        with locked(folder):
            missing = [name for name in names if not (folder / name).exists()]
            for name in missing:
                _fetch_one(source, name, folder)
    except _UnavailableError as problem:
        raise UserError(
            f"{source.title} is not complete in {folder} and cannot be downloaded ({problem}): "
            f"put {' and '.join(names)} into the folder {folder.absolute()}, "
            "or name with --data-root the data folder that has them"
        ) from problem
    except OSError as problem:
        raise UserError(
            f"{source.title} cannot be saved in {folder} ({problem.strerror or problem}): "
            "name with --data-root a folder that can be written, or one that already has the files"
        ) from problem
    if missing:
        say(f"saved {source.title} in {folder.absolute()}")


def _fetch_one(source: Source, name: str, folder: Path) -> None:
    failures = []
    for mirror in source.mirrors:
        try:
            with replacing(folder / name) as file:
                say(f"downloading {mirror}{name}")
                digest = _copy(mirror + name, file)
                if digest != source.archives[name]:
                    raise _UnavailableError(f"the md5 of {name} is {digest}, not {source.archives[name]}")
        except _UnavailableError as problem:
            failures.append(f"{urlsplit(mirror).netloc}: {problem}")
        else:
            return
    raise _UnavailableError("; ".join(failures))


def _copy(url: str, file: BinaryIO) -> str:
    """Copy what is at ``url`` into ``file`` and return its md5; ``OSError`` is the disk's, not the network's."""
    digest, done, total = hashlib.md5(usedforsecurity=False), 0, 0
    for total, chunk in _chunks(url):
        file.write(chunk)
        digest.update(chunk)
        done += len(chunk)
        if done > LIMIT:
            raise _UnavailableError(f"the file is larger than {LIMIT // 2**20} MiB")
        _progress(done, total)
    if done < total:
        raise _UnavailableError(f"the connection was cut after {done} of {total} bytes")
    _progress(done, done, end="\n")
    return digest.hexdigest()


def _chunks(url: str) -> Iterator[tuple[int, bytes]]:
    request = urllib.request.Request(url, headers={"User-Agent": "ganzoo"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            total = int(answer.headers.get("Content-Length") or 0)
            while chunk := answer.read(CHUNK):
                yield total, chunk
    except (OSError, http.client.HTTPException, ValueError) as problem:
        words = str(problem).removeprefix("<urlopen error ").removesuffix(">")
        raise _UnavailableError(words or type(problem).__name__) from problem


def _progress(done: int, total: int, end: str = "") -> None:
    if sys.stderr.isatty():
        of = f" of {total / 2**20:.1f}" if total else ""
        print(f"\rganzoo: {done / 2**20:.1f}{of} MiB ", end=end, file=sys.stderr, flush=True)
