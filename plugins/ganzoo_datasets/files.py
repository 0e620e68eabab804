"""The files of published datasets: written by one process at a time, whole or not at all, and refused if damaged."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock, Timeout

from ganzoo.plugin import UserError, read_owner, rename_durably, this_process, warn

LOCK, OWNER = ".download.lock", ".download.owner"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make ``folder`` where it is missing and keep other processes from writing in it; raises ``OSError``.

    Where another process has it, say which, and wait for it. The system takes the lock from a process that dies.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock, owner = FileLock(folder / LOCK), folder / OWNER
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warn(f"waiting for {read_owner(owner)}, which is writing in {folder.absolute()}")
        lock.acquire()
    try:
        # Data may come with a link of that name, which would lead out of the folder.
        owner.unlink(missing_ok=True)
        owner.write_text(this_process(), encoding="utf-8")
        yield
    finally:
        owner.unlink(missing_ok=True)
        # The lock's file stays: taken away, it could be locked by one process and made anew by another.
        lock.release()


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file whose bytes become ``path`` when all went well; to be used in a :func:`locked` folder.

    The temporary name is always the same, so that what a killed process left is removed by the next one.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)
    try:
        # Mode x: a link here, too, is not followed.
        with part.open("xb") as file:
            yield file
        rename_durably(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def keep(path: Path, data: bytes) -> None:
    """Save what was unpacked, so that the next start is fast; where that cannot be, nothing is lost."""
    with contextlib.suppress(OSError), locked(path.parent):
        if not path.exists():
            with replacing(path) as file:
                file.write(data)


def damaged(path: Path, title: str, fault: str) -> UserError:
    """Return the error for a file of the dataset ``title`` that cannot be what it is called."""
    return UserError(
        f"{path} is not a sound file of {title} ({fault}): delete it, so that it is fetched again, "
        "or put the original in its place"
    )
