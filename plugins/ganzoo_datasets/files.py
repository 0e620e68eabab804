"""The files of published datasets: written by one process at a time, completely or not at all, refused if damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from ganzoo.plugin import UserError, may_write, read_owner, rename_durably, this_process, warn

LOCK, OWNER = ".download.lock", ".download.owner"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create ``folder`` where it is missing, and lock it against other processes; raises ``OSError``.

    Where another process holds the lock, report which, and wait for it. The system releases the lock of a dead process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, owner = FileLock(folder / LOCK), folder / OWNER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warn(f"waiting for {read_owner(owner)}, which is writing in {folder.absolute()}")
        lock.acquire()
    try:
        # A link of that name would lead out of the folder.
        owner.unlink(missing_ok=True)
        owner.write_text(this_process(), encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        # The file of the lock stays: if it were deleted, two processes could hold a lock, each on a file of its own.
        lock.release()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that becomes ``path`` if no error is raised; for use in a :func:`locked` folder.

    The temporary name is always the same, so that the next process deletes the file of a killed one.
    """
    temporary = path.with_name(f".{path.name}.part")
    temporary.unlink(missing_ok=True)
    try:
        # Mode x does not follow links either.
        with temporary.open("xb") as file:
            yield file
        rename_durably(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def save_unpacked(path: Path, data: bytes) -> None:
    """Save unpacked data, so that the next start is fast; a failure is ignored, as nothing is lost."""
    if not may_write():
        return
    with contextlib.suppress(OSError), locked(path.parent):
        if not path.exists():
            with replacing(path) as file:
                file.write(data)


def damaged(path: Path, title: str, reason: str) -> UserError:
    """Return the error for a file of the dataset ``title`` that is damaged or another file."""
    return UserError(
        f"{path} is not a valid file of {title} ({reason}): delete it, so that it is downloaded again, "
        "or replace it with the original"
    )
