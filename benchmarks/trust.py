"""The promises of docs/trust.md, each by its full test: the figures are those that the tests count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

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
    """Run the long tests and write down what they counted."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures"
        line = [sys.executable, "-m", "pytest", "-n", str(jobs), "-m", "long", *(["-k", tests] if tests else [])]
        done = subprocess.run(line, cwd=ROOT, env={**os.environ, FIGURES: str(figures)}, check=False)
        rows = [json.loads(row) for row in figures.read_text(encoding="utf-8").splitlines()] if figures.exists() else []
    passed = [{"what": "long tests", "passed": done.returncode == 0}] if not tests else []
    common.publish([*passed, *sorted(rows, key=lambda row: str(row["test"]))], torch.device("cpu"), out)
    if done.returncode:
        raise click.ClickException("some of the tests failed: their promise does not hold")


if __name__ == "__main__":
    common.run(main)
