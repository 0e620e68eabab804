"""What differs between runs, and their figures, as a table for a terminal or as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ganzoo.report.choices import MISSING, choices, differing
from ganzoo.report.record import RunRecord
from ganzoo.report.scores import Score, duration, number, scores

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]


def as_table(records: Sequence[RunRecord]) -> Table:
    """Return headings and rows: a column for each run, or a row for each where there are more runs than rows."""
    items = {flag: list(values) for flag, values in differing(records).items()}
    items["steps"] = [f"{record.step:,}" for record in records]
    items["time"] = [duration(record.seconds) for record in records]
    found = [scores(record) for record in records]
    for label in dict.fromkeys(label for each in found for label in each):
        having = [each.get(label) for each in found]
        items[f"{label}, last"] = [number(one.last[1]) if one else MISSING for one in having]
        if any(one is not None and one.best for one in having):
            items[f"{label}, best"] = [_best(one) for one in having]
            items[f"{label}, real examples"] = [number(one.real if one else None) for one in having]
    names = [record.name for record in records]
    if len(records) > len(items):
        return ("run", *items), [(name, *cells) for name, *cells in zip(names, *items.values(), strict=True)]
    return ("", *names), [(item, *cells) for item, cells in items.items()]


def _best(score: Score | None) -> str:
    return f"{number(score.best[1])} (step {score.best[0]:,})" if score and score.best else MISSING


def as_json(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the same as a JSON object, with all choices of each run."""
    return {
        "differs": {
            flag: dict(zip((r.name for r in records), values, strict=True))
            for flag, values in differing(records).items()
        },
        "runs": [_run_as_json(record) for record in records],
    }


def _run_as_json(record: RunRecord) -> dict[str, Any]:
    figures = {
        label: {
            "last": score.last[1],
            "last_step": score.last[0],
            "best": score.best[1] if score.best else None,
            "best_step": score.best[0] if score.best else None,
            "real": score.real,
            "aim": score.aim or None,
        }
        for label, score in scores(record).items()
    }
    return {
        "name": record.name,
        "path": str(record.folder.path),
        "variant": record.variant,
        "steps": record.step,
        "seconds": record.seconds,
        "choices": choices(record),
        "figures": figures,
        "notes": list(record.notes),
    }
