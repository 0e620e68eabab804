"""Paths that a user gives."""

from __future__ import annotations

import os
from pathlib import Path


def user_path(given: str | Path) -> Path:
    """Return a path that a user gave, with the home folder in place of a leading ``~``.

    Shells do this too, but not everywhere: not in ``--out=~/runs``, not on Windows, and never in a file or in Python.
    """
    return Path(os.path.expanduser(given))
