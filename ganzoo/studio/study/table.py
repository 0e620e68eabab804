"""The table of a study: a row for each combination, with mean and spread of every figure over the seeds."""

from __future__ import annotations

import csv
import io
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.evaluation.figures import Figure
from ganzoo.studio.study.journal import Journal
from ganzoo.studio.study.plan import Combination

_DIGITS = 4  # of a value that is shown


@dataclass(frozen=True)
class Spread:
    """The values of a figure by seed, their mean, and their standard deviation (n − 1), which one value has not."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean."""
        return statistics.fmean(self.values)

    @property
    def deviation(self) -> float | None:
        """The standard deviation."""
        return statistics.stdev(self.values) if len(self.values) > 1 else None

    def __str__(self) -> str:
        spread = "" if self.deviation is None else f" ± {self.deviation:.2g}"
        return f"{self.mean:.{_DIGITS}g}{spread}"


@dataclass(frozen=True)
class Row:
    """A combination: its figures by label, the number of trainings that are judged, and why others are not."""

    combination: Combination
    figures: Mapping[str, Spread]
    judged: int
    note: str


def rows(journal: Journal) -> list[Row]:
    """Return a row for each combination of the grid, or for each that a search has chosen."""
    return [_row(journal, combination) for combination in journal.combinations]


def _row(journal: Journal, combination: Combination) -> Row:
    outcomes = journal.outcomes_of(combination)
    found = [outcome.evaluation for outcome in outcomes if outcome.evaluation is not None]
    figures: dict[str, list[Figure]] = {}
    for evaluation in found:
        for figure in evaluation.figures:
            figures.setdefault(figure.label, []).append(figure)
    reasons = dict.fromkeys(f"{outcome.state}: {outcome.reason}" for outcome in outcomes if outcome.reason)
    spreads = {label: Spread(tuple(figure.value for figure in of_label)) for label, of_label in figures.items()}
    return Row(combination, spreads, len(found), "; ".join(reasons))


def as_table(journal: Journal) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the cells for a terminal."""
    found, names = rows(journal), journal.plan.names
    labels = _labels(found)
    noted = any(row.note for row in found)
    headings = ["variant", *names, "judged", *labels, *(["note"] if noted else [])]
    cells = [
        [
            *_choices(row, names),
            f"{row.judged} of {journal.plan.seeds}",
            *(str(row.figures.get(label, "-")) for label in labels),
            *([row.note] if noted else []),
        ]
        for row in found
    ]
    return headings, cells


def as_csv(journal: Journal) -> str:
    """Return the table as CSV, with all digits."""
    found, names = rows(journal), journal.plan.names
    labels = _labels(found)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    of_figures = [f"{label} {what}" for label in labels for what in ("mean", "deviation")]
    writer.writerow(["variant", *names, "judged", *of_figures, "note"])
    for row in found:
        spreads = [row.figures.get(label) for label in labels]
        numbers = [number for spread in spreads for number in _numbers(spread)]
        writer.writerow([*_choices(row, names), row.judged, *numbers, row.note])
    return text.getvalue()


def as_json(journal: Journal) -> list[dict[str, Any]]:
    """Return the table as JSON values, with the value of every seed."""
    return list(map(_as_json, rows(journal)))


def best_as_json(journal: Journal) -> dict[str, Any]:
    """Return the best rows of a search as JSON values, by the key ``best``; nothing for another study."""
    return {"best": list(map(_as_json, best(journal)))} if journal.plan.search else {}


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "variant": row.combination.variant,
        "choices": dict(row.combination.choices),
        "judged": row.judged,
        "figures": {
            label: {"mean": spread.mean, "deviation": spread.deviation, "values": list(spread.values)}
            for label, spread in row.figures.items()
        },
        "note": row.note,
    }


def best(journal: Journal) -> list[Row]:
    """Return the best row of a search for each combination of the grid, in which something could be trained."""
    found = []
    for each in journal.plan.combinations:
        trials = [each.with_choices(trial) for trial in journal.trials_of(each)]
        losses = [journal.loss(trial) for trial in trials]
        if losses and math.isfinite(min(losses)):
            found.append(_row(journal, trials[losses.index(min(losses))]))
    return found


def _labels(found: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(label for row in found for label in row.figures))


def _choices(row: Row, names: Sequence[str]) -> list[str]:
    return [row.combination.variant, *(row.combination.choices[name] for name in names)]


def _numbers(spread: Spread | None) -> tuple[float | str, float | str]:
    if spread is None:
        return "", ""
    return spread.mean, "" if spread.deviation is None else spread.deviation
