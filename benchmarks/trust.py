"""The promises of docs/trust.md, each by its tests, quick and full: the figures are those that they count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import common
import torch

FIGURES = "GANZOO_FIGURES"  # names the file that the tests write their figures to
ROOT = Path(__file__).parents[1]


@click.command(context_settings={"show_default": True})
@click.option("--jobs", default=2, help="Test processes at a time.")
@click.option("--tests", default="", metavar="WORDS", help="Only tests whose names fit this expression of pytest.")
@common.out
def main(jobs: int, tests: str, out: Path | None) -> None:
    """Run all tests, the long ones too, and write down what they counted."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        fixed = ["-m", "", "--hypothesis-profile=default", "-n", str(jobs)]
        line = [sys.executable, "-m", "pytest", *fixed, *(["-k", tests] if tests else [])]
        done = subprocess.run(line, cwd=ROOT, env={**os.environ, FIGURES: str(figures)}, check=False)
        rows = [json.loads(row) for row in figures.read_text(encoding="utf-8").splitlines()] if figures.exists() else []
    common.publish(added_up(rows), torch.device("cpu"), out)
    if done.returncode:
        raise click.ClickException("some of the tests failed: their promise does not hold")


def added_up(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each test and promise: counts are added up, of other numbers the largest is taken."""

    def kind(row: Mapping[str, Any]) -> tuple[str, str]:
        return str(row["test"]).split("[")[0], str(row["promise"])

    found = []
    for (test, promise), group in groupby(sorted(rows, key=kind), kind):
        many = list(group)
        names = dict.fromkeys(name for row in many for name in row if name not in ("test", "promise"))
        values = {name: _together([row.get(name, 0) for row in many]) for name in names}
        trials = {"trials": len(many)} if len(many) > 1 else {}
        told = {name: value for name, value in values.items() if value is not None}
        found.append({"test": test, "promise": promise, **trials, **told})
    return found


def _together(values: Sequence[Any]) -> Any:
    """Return what several trials make together, or nothing where that says nothing."""
    if len(values) == 1:
        return values[0]
    if all(isinstance(value, int) for value in values):
        return sum(values)
    if all(isinstance(value, int | float) for value in values):
        return max(values)
    if all(isinstance(value, dict) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _together([value.get(name, 0) for value in values]) for name in names}
    return values[0] if all(value == values[0] for value in values) else None


if __name__ == "__main__":
    common.run(main)
