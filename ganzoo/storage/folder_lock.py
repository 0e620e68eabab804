"""One process at a time in a folder."""

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
from ganzoo.storage.files import write_whole
from ganzoo.storage.lock_owner import read_owner, this_process

PATIENCE = 30.0  # seconds; the readers of data that a killed process leaves behind may keep its lock for about 5
_PAUSE = 0.02


@final
class FolderLock:
    """A folder that this process has to itself, until it lets go of it or dies.

    Raises :class:`UserError` where another process has it, naming that process, and ``OSError`` where the folder cannot
    be written.
    """

    def __init__(self, folder: Path):
        # The system takes the lock from a process that dies, so a stale one is no obstacle.
        self._lock, self._owner = FileLock(folder / ".lock"), folder / ".owner"
        end = time.monotonic() + PATIENCE
        while not self._locked():
            owner = read_owner(self._owner)
            if _may_live(owner) or time.monotonic() > end:
                raise UserError(f"the run folder {folder} is in use by {owner}: choose another --out")
            # Who has just taken the lock writes its name in a moment, over that of a process that died.
            time.sleep(_PAUSE)
        try:
            write_whole(self._owner, this_process().encode())
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let others have the folder."""
        with suppress(OSError):  # a disk that has become read-only
            self._owner.unlink()
        # The lock's file stays: taken away, it could be locked by one process and made anew by another.
        self._lock.release()

    def _locked(self) -> bool:
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        return True


def _may_live(owner: str) -> bool:
    """Return whether ``owner`` names a process that lives, or one of another machine, where nobody here can ask."""
    named = re.fullmatch(r"process (\d+) on (.+)", owner)
    if named is None:
        return False
    if named[2] != socket.gethostname() or os.name != "posix":
        return True
    try:
        os.kill(int(named[1]), 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
