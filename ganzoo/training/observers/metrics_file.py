"""``metrics.jsonl``: one JSON object a line."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ganzoo.errors import UserError
from ganzoo.storage.files import Journal, read_file, write_whole
from ganzoo.training.observers.base import Observer, Report, TrainingStart

LONGEST = 2**30  # bytes of a file of metrics


LARGEST = 1e300  # finite number in it


class MetricsFile(Observer):
    """Writes ``metrics.jsonl``: one JSON object a line."""

    def began(self, situation: TrainingStart) -> None:
        """Open the file, cut back to the step at which training begins, and mended where it is damaged."""
        path = situation.folder.metrics
        try:
            kept = [json.dumps(row) for row in _reports(path) if row["step"] <= situation.step]
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(
                f"{path} cannot be read: {reason}; move it away, and the run goes on without it"
            ) from problem
        write_whole(path, "".join(f"{row}\n" for row in kept).encode())
        self._journal = Journal(path)

    def reported(self, report: Report) -> None:
        """Write a row."""
        self._journal.append(json.dumps(as_row(report)))

    def ended(self) -> None:
        """Close the file."""
        self._journal.close()


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the JSON objects of a file with one a line; lines that are none, such as one cut off, are left out.

    Raises ``OSError`` where there is a file that cannot be read.
    """
    try:
        lines = read_file(path, LONGEST).split(b"\n")
    except FileNotFoundError:
        return []
    return [row for line in lines if isinstance(row := _value(line), dict)]


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _reports(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ``metrics.jsonl`` that tell of a step."""
    return [row for row in read_rows(path) if _is_report(row)]


def _is_report(row: Mapping[str, Any]) -> bool:
    match row:
        case {"step": int() as step, "terms": dict() as terms, "values": dict() as values}:
            return _are_numbers({"step": step}, values, row.get("scores", {}), *terms.values())
    return False


def _are_numbers(*found: Any) -> bool:
    return all(isinstance(named, dict) and all(map(_is_number, named.values())) for named in found)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and not LARGEST < abs(value) < math.inf


def as_row(report: Report) -> dict[str, Any]:
    """Return the row of ``metrics.jsonl`` for a report."""
    return {
        "step": report.step,
        "seconds": round(report.seconds, 3),
        "images": report.images,
        "terms": report.terms,
        "values": report.values,
        "learning_rates": report.learning_rates,
        "scores": report.scores,
    }
