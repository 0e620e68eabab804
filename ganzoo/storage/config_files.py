"""Configuration files of a training: JSON, as in a run folder, or TOML, which is easier to write by hand."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.errors import UserError
from ganzoo.paths import user_path
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file
from ganzoo.text import one_line

TOML = ".toml"


def read_config(given: str | Path) -> Mapping[str, Any]:
    """Return the content of a ``.toml`` file, or of a JSON file; raises :class:`UserError` if it is neither."""
    path = user_path(given)
    language = "TOML" if path.suffix.lower() == TOML else "JSON"
    try:
        raw = read_file(path, MAX_DOCUMENT_BYTES)
        # Editors on Windows begin a file with a mark.
        content = tomllib.loads(raw.decode("utf-8-sig")) if language == "TOML" else json.loads(raw)
    except OSError as problem:
        raise UserError(f"the config file {path} cannot be read: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise UserError(f"the config file {path} is not valid {language}: {one_line(problem)}") from problem
    if not isinstance(content, dict):
        raise UserError(f"the config file {path} must contain a JSON object, as RUN/config.json does")
    return content
