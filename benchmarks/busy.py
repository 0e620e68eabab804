"""Benchmark: a training on a busy machine, whose threads wait as OpenMP lets them, or as the command chooses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import common
import torch

from ganzoo.waiting import OWN

ROUNDS = 3
SECONDS = 12.0  # of each training, from its first step on
PATIENCE = 240.0  # for the first step
LOOK = 0.05  # seconds between two looks
TRAINING = ("cgan", "--preset", "published", "--dataset", "mnist", "--dataset-size", "28", "--precision", "fp32")
MANNERS: Mapping[str, Mapping[str, str]] = {
    "as OpenMP lets them": {"GOMP_SPINCOUNT": "300000"},  # what libgomp takes where nothing is set
    "as chosen": {},
}
COMPANIES = {"alone": (0, 1), "beside two busy processes": (2, 1), "two trainings side by side": (0, 2)}
"""For each company, how many processes only keep a core busy, and how many trainings run."""


@contextmanager
def busy() -> Iterator[None]:
    """In the block, keep one more process computing."""
    process = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def training(data_root: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """In the block, train; give the path of its metrics."""
    clean = {name: value for name, value in os.environ.items() if name not in (*OWN, "OMP_NUM_THREADS")}
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = ["train", *TRAINING, "--data-root", str(data_root), "--log-every", "1", "--steps", "1000000"]
        process = subprocess.Popen(
            [sys.executable, "-m", "ganzoo", *words, "--checkpoint-every", "0", "--out", str(run)],
            env={**clean, **environment},
            stderr=subprocess.DEVNULL,
        )
        try:
            yield run / "metrics.jsonl"
        finally:
            process.kill()
            process.wait()


def steps_in(metrics: Path) -> int:
    """Return the number of steps that the metrics tell of."""
    rows = metrics.read_text(encoding="utf-8").splitlines() if metrics.exists() else []
    return max((json.loads(row).get("step", 0) for row in rows if row.endswith("}")), default=0)


def speeds(company: str, data_root: Path, environment: Mapping[str, str], seconds: float) -> list[float]:
    """Return the steps per second of each training in a company, after the first step of all."""
    others, trainings = COMPANIES[company]
    with ExitStack() as stack:
        for _ in range(others):
            stack.enter_context(busy())
        found = [stack.enter_context(training(data_root, environment)) for _ in range(trainings)]
        limit = time.perf_counter() + PATIENCE
        while not all(map(steps_in, found)):
            if time.perf_counter() > limit:
                raise click.ClickException(f"no first step in {PATIENCE:.0f} seconds")
            time.sleep(LOOK)
        before, began = list(map(steps_in, found)), time.perf_counter()
        time.sleep(seconds)
        took = time.perf_counter() - began
        return [(steps_in(metrics) - first) / took for metrics, first in zip(found, before, strict=True)]


@click.command()
@common.data_root
@common.out
@common.share
@click.option("--seconds", default=SECONDS, help="Seconds of each training after its first step.")
def main(data_root: Path, out: Path | None, share: float, seconds: float) -> None:
    """Compare the speed of trainings by how their threads wait, in turns."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for _ in range(common.share_of(ROUNDS, share)):
        for company in COMPANIES:
            for manner, environment in MANNERS.items():
                found[company, manner].append(min(speeds(company, data_root, environment, seconds)))
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    results: list[dict[str, Any]] = [
        {"company": company, "manner": manner, "load": round(load, 1), "speeds": [round(each, 2) for each in rounds]}
        for (company, manner), rounds in found.items()
    ]
    common.publish(results, torch.device("cpu"), out)


if __name__ == "__main__":
    common.run(main)
