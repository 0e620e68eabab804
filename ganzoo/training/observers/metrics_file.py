"""The file ``metrics.jsonl``: one JSON object for each report and each diagnosis, one per line."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ganzoo.errors import UserError
from ganzoo.health.diagnosis import Diagnosis
from ganzoo.storage.files import Journal, read_file, write_atomically
from ganzoo.training.observers.base import Observer, Report, TrainingStart

MAX_BYTES = 2**30  # of a file of metrics
MAX_FINITE = 1e300  # of a finite number in it


class MetricsFile(Observer):
    """Writes ``metrics.jsonl``."""

    def began(self, start: TrainingStart) -> None:
        """Open the file; rows after the first step of a resumed training, and damaged rows, are removed."""
        path = start.folder.metrics
        try:
            rows = [row for row in read_rows(path) if _is_report(row) or _diagnoses_in([row])]
            kept = [json.dumps(row) for row in rows if row["step"] <= start.step]
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(
                f"{path} cannot be read: {reason}; move it away, and the run continues without it"
            ) from problem
        write_atomically(path, "".join(f"{row}\n" for row in kept).encode())
        self._journal = Journal(path)

    def reported(self, report: Report) -> None:
        """Append a row."""
        self._journal.append(json.dumps(as_row(report)))

    def diagnosed(self, diagnosis: Diagnosis) -> None:
        """Append a row."""
        self._journal.append(json.dumps({"step": diagnosis.step, "diagnosis": diagnosis.to_json()}))

    def ended(self) -> None:
        """Close the file."""
        self._journal.close()


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
    return _diagnoses_in(read_rows(path))


def _diagnoses_in(rows: Iterable[Mapping[str, Any]]) -> list[Diagnosis]:
    found = []
    for row in rows:
        with suppress(ValueError):
            diagnosis = Diagnosis.from_json(row.get("diagnosis"))
            if row.get("step") == diagnosis.step:
                found.append(diagnosis)
    return found


def _is_report(row: Mapping[str, Any]) -> bool:
    match row:
        case {"step": int() as step, "terms": dict() as terms, "values": dict() as values}:
            return _are_numbers({"step": step}, values, row.get("scores", {}), *terms.values())
    return False


def _are_numbers(*objects: Any) -> bool:
    return all(isinstance(value, dict) and all(map(_is_number, value.values())) for value in objects)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and not MAX_FINITE < abs(value) < math.inf


def as_row(report: Report) -> dict[str, Any]:
    """Return the row of a report; its keys are the format of ``metrics.jsonl``."""
    return {
        "step": report.step,
        "seconds": round(report.seconds, 3),
        "images": report.images,
        "terms": report.terms,
        "values": report.values,
        "learning_rates": report.learning_rates,
        "scores": report.scores,
    }
