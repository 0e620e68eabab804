"""The files by which the folder of a run is known, whatever its name."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file
from ganzoo.storage.resume_compatibility import is_run_config

CONFIG, SAMPLES = "config.json", "samples"
LOCK = ".lock"  # it stays in the folder when the run is over


def is_run_folder(path: Path) -> bool:
    """Return whether ``path`` is the folder of a run: it has the config of one, or a run was just begun there."""
    try:
        return is_run_config(json.loads(read_file(path / CONFIG, MAX_DOCUMENT_BYTES)))
    except (OSError, ValueError, RecursionError):
        # Unlike the methods of Path, these have an answer for a folder that may not be read.
        return os.path.isfile(path / LOCK) and os.path.isdir(path / SAMPLES)
