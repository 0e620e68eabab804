"""The figures of evaluations in a run: the last one, the best one, and the figure of real examples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.report.record import RunRecord
from ganzoo.text import lasting, one_line

BETTER = {"high": "higher", "low": "lower"}


@dataclass(frozen=True)
class Score:
    """One figure in the course of a run, by its label, such as ``FD[digits-cnn:0123abcd]``.

    ``points`` are (step, value). ``real`` is the figure of real examples, and ``aim`` says which values are better
    (``high``, ``low``, or nothing where that is not known).
    """

    label: str
    points: tuple[tuple[int, float], ...]
    real: float | None = None
    aim: str = ""

    @property
    def last(self) -> tuple[int, float]:
        """The newest step and value."""
        return self.points[-1]

    @property
    def best(self) -> tuple[int, float] | None:
        """The step and the value of the best figure, or ``None`` where no order of better and worse is known."""
        if self.aim not in BETTER:
            return None
        return (max if self.aim == "high" else min)(self.points, key=lambda point: point[1])


def scores(record: RunRecord) -> dict[str, Score]:
    """Return the figures of a run by label; values that are not finite are left out."""
    known = {label: figure for figure in record.evaluation.get("figures", []) if (label := _label(figure))}
    points: dict[str, list[tuple[int, float]]] = {}
    for row in record.rows:
        for name, value in row.get("scores", {}).items():
            if math.isfinite(value):
                points.setdefault(one_line(name, 80), []).append((row["step"], value))
    return {
        label: Score(label, tuple(found), _number(known.get(label, {}).get("floor")), _aim(known.get(label, {})))
        for label, found in points.items()
    }


def _label(figure: Any) -> str:
    return one_line(figure.get("label", ""), 80) if isinstance(figure, Mapping) else ""


def _number(value: Any) -> float | None:
    return value if type(value) in (int, float) and abs(value) < 1e300 else None


def _aim(figure: Mapping[str, Any]) -> str:
    aim = figure.get("aim")
    return aim if isinstance(aim, str) and aim in BETTER else ""


def number(value: float | None) -> str:
    """Return a figure for people.

    >>> number(12.3456), number(1e19), number(None)
    ('12.35', '1e+19', '–')
    """
    return "–" if value is None else f"{value:.4g}"


def duration(seconds: float | None) -> str:
    """Return a time for people, or a dash where it is not known."""
    return "–" if seconds is None else lasting(seconds)
