"""The rows of ``metrics.jsonl``: one JSON object for each report and each diagnosis of a training."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.health.diagnosis import Diagnosis
from ganzoo.storage.files import read_file

MAX_BYTES = 2**30  # of a file of metrics
MAX_FINITE = 1e300  # of a finite number in it


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file with one per line; other lines, such as an incomplete one, are skipped.

    A missing file has none. Raises ``OSError`` if a file cannot be read.
    """
    try:
        lines = read_file(path, MAX_BYTES).split(b"\n")
    except FileNotFoundError:
        return []
    return [row for line in lines if isinstance(row := _value(line), dict)]


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def read_reports(path: Path) -> list[dict[str, Any]]:
    """Return the valid rows of a ``metrics.jsonl``, one for each report."""
    return [row for row in read_rows(path) if _is_report(row)]


def read_diagnoses(path: Path) -> list[Diagnosis]:
    """Return the diagnoses in a ``metrics.jsonl``, in the order in which they were told.

    A missing file has none. Raises ``OSError`` if a file cannot be read.
    """
    return [diagnosis for row in read_rows(path) if (diagnosis := _diagnosis(row)) is not None]


def kept_rows(path: Path) -> list[dict[str, Any]]:
    """Return the valid rows of a ``metrics.jsonl``: reports and diagnoses."""
    return [row for row in read_rows(path) if _is_report(row) or _diagnosis(row) is not None]


def _diagnosis(row: Mapping[str, Any]) -> Diagnosis | None:
    try:
        diagnosis = Diagnosis.from_json(row.get("diagnosis"))
    except ValueError:
        return None
    return diagnosis if row.get("step") == diagnosis.step else None


def _is_report(row: Mapping[str, Any]) -> bool:
    match row:
        case {"step": int() as step, "terms": dict() as terms, "values": dict() as values}:
            return _are_numbers({"step": step}, values, row.get("scores", {}), *terms.values())
    return False


def _are_numbers(*objects: Any) -> bool:
    return all(isinstance(value, dict) and all(map(_is_number, value.values())) for value in objects)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and not MAX_FINITE < abs(value) < math.inf
