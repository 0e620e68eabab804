"""The name of the process that holds a lock, for messages to those who wait for it."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def this_process() -> str:
    """Return the name of this process, which it writes into the owner's file: ``process 4711 on somehost``."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def read_owner(path: Path) -> str:
    """Return the name in an owner's file, or ``another process`` if the file is missing or still empty."""
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return "another process"
