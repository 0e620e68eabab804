"""A lock that gives a folder to one process at a time."""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import final

from filelock import FileLock, Timeout

from ganzoo.errors import UserError
from ganzoo.storage.files import write_atomically
from ganzoo.storage.lock_owner import read_owner, this_process
from ganzoo.storage.run_files import LOCK

DEAD_OWNER_TIMEOUT = 30.0  # seconds; data workers of a killed process may keep its lock for about 5
_PAUSE = 0.02


@final
class FolderLock:
    """Keeps other processes out of a folder until :meth:`release`, or until this process ends.

    Raises :class:`UserError` if another process has the folder, naming that process, and ``OSError`` if the folder
    cannot be written.
    """

    def __init__(self, folder: Path):
        # The operating system releases the lock of a process that dies; the file with its name stays.
        self._lock, self._owner = FileLock(folder / LOCK), folder / ".owner"
        deadline = time.monotonic() + DEAD_OWNER_TIMEOUT
        while not self._acquire():
            owner = read_owner(self._owner)
            if _may_live(owner) or time.monotonic() > deadline:
                raise UserError(f"the run folder {folder} is in use by {owner}: choose another --out")
            # A new owner may have the lock already, and not yet have replaced the name of the dead one.
            time.sleep(_PAUSE)
        try:
            write_atomically(self._owner, this_process().encode())
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Release the folder."""
        with suppress(OSError):  # the disk may have become read-only
            self._owner.unlink()
        # The lock file stays: if it were removed, two processes could lock two files of the same name.
        self._lock.release()

    def _acquire(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True


def _may_live(owner: str) -> bool:
    """Return whether ``owner`` names a process that is alive, or one of another machine, which cannot be checked."""
    match = re.fullmatch(r"process (\d+) on (.+)", owner)
    if match is None:
        return False
    if match[2] != socket.gethostname() or os.name != "posix":
        return True
    try:
        os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
