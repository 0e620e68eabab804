"""Shared parts of the quality benchmarks: figures by name, and grids of generated images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ganzoo
from ganzoo.evaluation import Evaluation
from ganzoo.studio.export import write_samples

SAMPLES = 10_000
PICTURED = 100  # samples, so that each of ten classes has a column of ten
DIGITS = 6  # of a figure: more mean nothing


def figures(found: Evaluation) -> dict[str, float]:
    """Return the values of an evaluation by their names, without that of the judge."""
    return {figure.name: _short(figure.value) for figure in found.figures}


def floors(found: Evaluation) -> dict[str, float]:
    """Return the floor: the figures of one half of the real examples compared with the other, if there are enough."""
    return {figure.name: _short(figure.floor) for figure in found.figures if figure.floor is not None}


def judge(found: Evaluation) -> Mapping[str, Any]:
    """Return who looked, and what it is worth itself."""
    return {**found.judge, "floors": floors(found)}


def draw(path: Path, picture: Path) -> None:
    """Write the picture that `ganzoo sample PATH --count 100` writes: a column for each class."""
    model = ganzoo.load(path)
    write_samples(picture, model.sample(PICTURED), model.output, model.conditions(PICTURED), model.condition)


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
