"""Files that are in place whole or not at all, and what the user is told about them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from filelock import FileLock

from ganzoo.errors import UserError

LOCK = ".download.lock"


def say(text: str) -> None:
    """Write one line for the user on stderr; stdout is for results."""
    print(f"ganzoo: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make ``folder`` where it is missing and keep other processes from writing in it; raises ``OSError``.

    Where the block fails, what was made for it is taken away again.
    """
    made = [path for path in (folder / LOCK, folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / LOCK):
            yield
    except BaseException:
        with contextlib.suppress(OSError):  # somebody else's files are in it by now
            for path in made:
                path.rmdir() if path.is_dir() else path.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file whose bytes become ``path`` when all went well; to be used in a :func:`locked` folder.

    The temporary name is always the same, so that what a killed process left is overwritten by the next one.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
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
