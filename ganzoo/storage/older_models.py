"""Recognises models that an older ganzoo wrote, without torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from ganzoo.catalogue.formats import FORMAT, MODEL_KEY
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, open_file

OLDEST = 1  # format of a model that can be migrated
LENGTH_BYTES = 8  # a safetensors file begins with the length of its header


def older_model(path: Path) -> Mapping[str, Any] | None:
    """Return the description of a model that an older ganzoo wrote, or ``None`` where ``path`` is anything else."""
    try:
        with open_file(path) as file:
            about = description(file)
        found = about.get("format")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return about if type(found) is int and OLDEST <= found < FORMAT else None


def description(file: IO[bytes]) -> Mapping[str, Any]:
    """Return the JSON object in the header of a model, and leave ``file`` at its tensors.

    Raises ``ValueError`` and the like where there is none.
    """
    length = int.from_bytes(file.read(LENGTH_BYTES), "little")
    if length > MAX_DOCUMENT_BYTES:
        raise ValueError(f"a header of {length:,} bytes")
    about: Mapping[str, Any] = json.loads(json.loads(file.read(length))["__metadata__"][MODEL_KEY])
    return about
