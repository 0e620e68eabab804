"""Files that are there whole or not at all, and that a power cut does not take away."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, final

PART = ".part"  # how the name of a file ends that is being written
DOCUMENT = 2**24  # bytes of a text that somebody gives, at most
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # what file systems answer that cannot sync a folder


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a file of anybody's for reading; raises ``OSError`` where it is a folder, a pipe, a device or the like."""
    with open(path, "rb", opener=_regular) as file:
        yield file


def read_file(path: Path, most: int) -> bytes:
    """Return the bytes of a file of anybody's; raises ``OSError`` where it is none, or has more than ``most``."""
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
        return file.read(most)


def _regular(path: str, flags: int) -> int:
    # Opening a pipe would wait for ever, and reading a device never end.
    number = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise OSError(errno.EINVAL, "it is no file", path)
    return number


@final
class NotWritten(OSError):
    """A file or folder could not be written; says which, and why."""

    def __str__(self) -> str:
        return f"{self.filename} cannot be written ({self.strerror})"


def write_whole(path: Path, content: bytes) -> None:
    """Replace ``path`` with ``content`` at once; raises :class:`NotWritten`, and ``path`` is as it was."""
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file beside ``path`` to write to, and put it in the place of ``path`` at the end.

    The content is synced before the rename, and the folder after it: after a power cut there is the old file or the
    new one, and once the block has ended it is the new one. A link at ``path`` is replaced; what it points to stays.
    Raises :class:`NotWritten`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PART}")
    with _named(path):
        try:
            # Mode x, and no module tempfile: that makes private files, and a result gets the usual permissions.
            with temporary.open("xb") as file:
                yield file
            put_in_place(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def put_in_place(part: Path, path: Path) -> None:
    """Give the whole file ``part`` the name ``path``, so that not even a power cut leaves anything between."""
    _sync(os.open(part, os.O_RDONLY))
    part.replace(path)
    _sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, so that a power cut does not take them away; raises :class:`NotWritten`."""
    with _named(path):
        if path.is_dir():
            return
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _sync_folder(path.parent)


def sweep(*folders: Path) -> None:
    """Remove what processes that were killed had begun to write in folders where nobody else writes now."""
    for folder in folders:
        for left in folder.glob(f".*{PART}"):
            with suppress(OSError):
                left.unlink()


@final
class Journal:
    """A file that grows by whole lines."""

    def __init__(self, path: Path):
        self._path = path
        with _named(path):
            self._file = path.open("ab", buffering=0)

    def append(self, line: str) -> None:
        """Write a line; raises :class:`NotWritten`, and of this line nothing is left."""
        with _named(self._path):
            whole = self._file.seek(0, os.SEEK_END)
            content = memoryview(f"{line}\n".encode())
            try:
                # A disk that becomes full takes a part first, and refuses the next one.
                while content:
                    content = content[self._file.write(content) :]
            except OSError:
                with suppress(OSError):
                    self._file.truncate(whole)
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Say of what goes wrong which file it was."""
    try:
        yield
    except NotWritten:
        raise
    except OSError as problem:
        raise NotWritten(problem.errno, problem.strerror or str(problem), str(path)) from problem


def _sync_folder(folder: Path) -> None:
    try:
        opened = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folder, and one may be for writing alone
        return
    try:
        _sync(opened)
    except OSError as problem:
        if problem.errno not in _NO_SYNC:
            raise


def _sync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
