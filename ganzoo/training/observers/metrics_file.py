"""The file ``metrics.jsonl``: one JSON object for each report and each diagnosis, one per line."""

from __future__ import annotations

import json
from typing import Any

from ganzoo.errors import UserError
from ganzoo.health.diagnosis import Diagnosis
from ganzoo.storage.files import Journal, write_atomically
from ganzoo.storage.metric_rows import kept_rows
from ganzoo.training.observers.base import Observer, Report, TrainingStart


class MetricsFile(Observer):
    """Writes ``metrics.jsonl``."""

    def began(self, start: TrainingStart) -> None:
        """Open the file; rows after the first step of a resumed training, and damaged rows, are removed."""
        path = start.folder.metrics
        try:
            kept = [json.dumps(row) for row in kept_rows(path) if row["step"] <= start.step]
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
