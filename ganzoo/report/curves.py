"""Curves of runs as lines of a drawing: where they go, and what stands at the axes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.report.record import RunRecord
from ganzoo.report.scores import Score, number, scores
from ganzoo.text import one_line

WIDTH, HEIGHT = 420, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 24, 10, 26  # room around the lines
DRAWING = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT}  # what a template needs to know
MAX_POINTS, MAX_LINES, MAX_PANELS, COLOURS = 200, 24, 40, 10
Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """One curve: its name, its colour, its pieces as SVG points, and its last value."""

    name: str
    colour: int
    pieces: Sequence[str]
    last: str


@dataclass(frozen=True)
class Tick:
    """A mark at an axis: its place in the drawing, and its text."""

    place: float
    text: str


@dataclass(frozen=True)
class Panel:
    """A drawing of curves; ``real`` is the height of the line of real examples, and ``real_text`` its value."""

    title: str
    lines: Sequence[Line]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    real: float | None
    real_text: str


def panels(records: Sequence[RunRecord]) -> list[Panel]:
    """Return the curves of one run by kind, or those of several runs over each other: a panel for each name."""
    names = [record.name for record in records]
    figures = [scores(record) for record in records]
    found = [
        _panel(
            label,
            dict(zip(names, [each[label].points if label in each else () for each in figures], strict=True)),
            _shared_real([each[label] for each in figures if label in each]),
        )
        for label in dict.fromkeys(label for each in figures for label in each)
    ]
    if len(records) == 1:
        found += [_panel("losses", _series(records[0], _terms)), _panel("watched values", _series(records[0], _values))]
    else:
        every = [_series(record, _terms) | _series(record, _values) for record in records]
        found += [
            _panel(name, dict(zip(names, [each.get(name, ()) for each in every], strict=True)))
            for name in dict.fromkeys(name for each in every for name in each)
        ]
    return [panel for panel in found if panel.lines][:MAX_PANELS]


def _values(row: Mapping[str, Any]) -> Mapping[str, float]:
    values: Mapping[str, float] = row["values"]
    return values


def _terms(row: Mapping[str, Any]) -> dict[str, float]:
    return {f"{phase} {name}": value for phase, terms in row["terms"].items() for name, value in terms.items()}


def _series(record: RunRecord, of: Callable[[Any], Mapping[str, float]]) -> dict[str, Sequence[Point]]:
    found: dict[str, list[Point]] = {}
    for row in record.rows:
        for name, value in of(row).items():
            found.setdefault(one_line(name, 60), []).append((row["step"], value))
    return dict(found)


def _shared_real(found: Sequence[Score]) -> float | None:
    """Return the figure of real examples, if all runs have the same one."""
    values = {score.real for score in found}
    return values.pop() if len(values) == 1 else None


def _panel(title: str, series: Mapping[str, Sequence[Point]], real: float | None = None) -> Panel:
    kept = {name: _thinned(points) for name, points in list(series.items())[:MAX_LINES]}
    finite = [point for points in kept.values() for point in points if math.isfinite(point[1])]
    if not finite:
        return Panel(title, (), (), (), None, "")
    x = _Axis([step for step, _ in finite], LEFT, WIDTH - RIGHT)
    y = _Axis([value for _, value in finite] + ([real] if real is not None else []), HEIGHT - BOTTOM, TOP)
    lines = [
        Line(name, place % COLOURS, list(_pieces(points, x, y)), number(points[-1][1]))
        for place, (name, points) in enumerate(kept.items())  # the same colour for a run in every panel
        if points
    ]
    return Panel(title, lines, x.ticks(), y.ticks(), y.place(real) if real is not None else None, number(real))


def _thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most ``MAX_POINTS`` points: of many, each is the mean of neighbours."""
    every = -(-len(points) // MAX_POINTS)
    groups = (points[start : start + every] for start in range(0, len(points), every or 1))
    return [(group[-1][0], sum(value for _, value in group) / len(group)) for group in groups]


def _pieces(points: Sequence[Point], x: _Axis, y: _Axis) -> Iterator[str]:
    """Yield the parts of a curve between values that are not finite."""
    piece: list[str] = []
    for step, value in points:
        if math.isfinite(value):
            piece.append(f"{x.place(step):.1f},{y.place(value):.1f}")
        elif piece:
            yield " ".join(piece)
            piece = []
    if piece:
        yield " ".join(piece)


class _Axis:
    """Maps values to places between ``low`` and ``high`` of a drawing."""

    def __init__(self, values: Sequence[float], low: float, high: float):
        self._least, self._most = float(min(values)), float(max(values))
        if self._most == self._least:
            margin = abs(self._least) / 2 or 0.5
            self._least, self._most = self._least - margin, self._most + margin
        self._low, self._high = low, high

    def place(self, value: float) -> float:
        """Return where ``value`` is, in tenths of a pixel."""
        share = (value - self._least) / (self._most - self._least)
        return round(self._low + share * (self._high - self._low), 1)

    def ticks(self, most: int = 5) -> list[Tick]:
        """Return marks at round values: 1, 2 or 5 times a power of ten."""
        rough = (self._most - self._least) / most
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 1e-300 else 1e-300
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
        first, last = math.ceil(self._least / step - 1e-9), math.floor(self._most / step + 1e-9)
        return [Tick(self.place(count * step), f"{count * step:.4g}") for count in range(first, last + 1)]
