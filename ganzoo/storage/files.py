"""Files that are written completely or not at all, and that survive a power cut."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, final

PARTIAL_SUFFIX = ".part"  # end of the name of a file that is being written
MAX_DOCUMENT_BYTES = 2**24  # of a JSON document from the user
RENAME_TRIES = 20 if sys.platform == "win32" else 1
_RENAME_PAUSE = 0.05  # seconds
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}  # errors of file systems that cannot sync a folder


@contextmanager
def open_file(path: Path) -> Iterator[IO[bytes]]:
    """Open an untrusted file for reading; raises ``OSError`` if it is not a regular file (a folder, pipe, device …)."""
    with open(path, "rb", opener=_open_regular) as file:
        yield file


def read_file(path: Path, max_bytes: int) -> bytes:
    """Return the content of an untrusted file; raises ``OSError`` if it is not regular, or exceeds ``max_bytes``."""
    with open_file(path) as file:
        if os.fstat(file.fileno()).st_size > max_bytes:
            raise OSError(errno.EFBIG, f"it has more than {max_bytes:,} bytes", str(path))
        return file.read(max_bytes)


def _open_regular(path: str, flags: int) -> int:
    # Without O_NONBLOCK, opening a pipe would block; reading a device might never end.
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file", path)
    return descriptor


@final
class WriteFailed(OSError):
    """A file or folder could not be written; the message names it and the reason."""

    def __str__(self) -> str:
        return f"{self.filename} cannot be written ({self.strerror})"


def write_atomically(path: Path, content: bytes) -> None:
    """Replace ``path`` by a file with ``content``; raises :class:`WriteFailed`, and then ``path`` is unchanged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "config.json"
    ...     write_atomically(path, b"{}")
    ...     path.read_bytes()
    b'{}'
    """
    with replacing(path) as file:
        file.write(content)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a temporary file in the folder of ``path``, and rename it to ``path`` at the end of the block.

    The content is synced before the rename, and the folder after it: a power cut leaves the old file or the new one,
    and after the block always the new one. A symbolic link at ``path`` is replaced; its target stays unchanged. Raises
    :class:`WriteFailed`.
    """
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}{PARTIAL_SUFFIX}")
    with _write_failures(path):
        try:
            # Not tempfile: its files are private, and a result should have the user's usual permissions.
            with temporary.open("xb") as file:
                yield file
                _sync(file)
            _put_in_place(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise


def rename_durably(part: Path, path: Path) -> None:
    """Sync the complete file ``part``, rename it to ``path``, and sync the folder: a power cut cannot undo it."""
    with part.open("rb+") as file:  # Windows syncs only what it has opened for writing
        _sync(file)
    _put_in_place(part, path)


def _put_in_place(part: Path, path: Path) -> None:
    for left in reversed(range(RENAME_TRIES)):
        try:
            part.replace(path)
            break
        except PermissionError:
            # Windows refuses while another program, such as a virus scanner, has a file open; most close it soon.
            if not left:
                raise
            time.sleep(_RENAME_PAUSE)
    _sync_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder and its parents so that they survive a power cut; raises :class:`WriteFailed`."""
    with _write_failures(path):
        if path.is_dir():
            return
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        _sync_folder(path.parent)


def remove_leftovers(*folders: Path) -> None:
    """Remove the partial files of killed processes; no other process may be writing in ``folders``."""
    for folder in folders:
        for leftover in folder.glob(f".*{PARTIAL_SUFFIX}"):
            with suppress(OSError):
                leftover.unlink()


@final
class Journal:
    """A file to which complete lines are appended."""

    def __init__(self, path: Path):
        self._path = path
        with _write_failures(path):
            self._file = path.open("ab", buffering=0)

    def append(self, line: str) -> None:
        """Append a line; raises :class:`WriteFailed`, and then nothing of this line is in the file."""
        with _write_failures(self._path):
            end = self._file.seek(0, os.SEEK_END)
            content = memoryview(f"{line}\n".encode())
            try:
                # A disk that becomes full accepts a part of the line before it fails.
                while content:
                    content = content[self._file.write(content) :]
            except OSError:
                with suppress(OSError):
                    self._file.truncate(end)
                raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def _write_failures(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`WriteFailed` that names ``path``."""
    try:
        yield
    except WriteFailed:
        raise
    except OSError as problem:
        raise WriteFailed(problem.errno, problem.strerror or str(problem), str(path)) from problem


def _sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows cannot open a folder, and a folder may be writable but not readable
        return
    try:
        os.fsync(descriptor)
    except OSError as problem:
        if problem.errno not in _NO_SYNC:
            raise
    finally:
        os.close(descriptor)


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
