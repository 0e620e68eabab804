"""Who holds a lock, in words, for those who wait for it."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """Return the name of this process, as it stands in the file of an owner."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def read_owner(path: Path) -> str:
    """Return the name in the file of an owner, or other words where it is not there or not written yet."""
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
