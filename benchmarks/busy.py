"""Benchmark: a training on a busy machine, by how its threads wait for one another."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, final

import click
import common
import torch

from ganzoo.waiting import OWN, SLEEP, SPIN

ROUNDS = 5
SECONDS = 6.0  # of a turn
PATIENCE = 240.0  # for the first step
LOOK = 0.05  # seconds between two looks
TRAINING = ("cgan", "--preset", "published", "--dataset", "mnist", "--dataset-size", "28", "--precision", "fp32")
MANNERS = {
    "as OpenMP lets them": {"GOMP_SPINCOUNT": "300000"},  # what libgomp takes where nothing is set
    "as chosen on a quiet machine": SPIN,
    "as chosen on a busy machine": SLEEP,
}
COMPANIES = {"alone": (0, 1), "beside two busy processes": (2, 1), "two side by side": (0, 2)}
"""For each company, how many processes only keep a core busy, and how many trainings run."""


@final
class Paused:
    """A process that computes only during its turns."""

    def __init__(self, process: subprocess.Popen[bytes]):
        self._process = process

    def __enter__(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def __exit__(self, *problem: object) -> None:
        self._process.send_signal(signal.SIGSTOP)


@final
class Training:
    """A training in a process of its own, paused after its first step; ``run`` is its new folder."""

    def __init__(self, data_root: Path, manner: Mapping[str, str], run: Path):
        clean = {name: value for name, value in os.environ.items() if name not in (*OWN, "OMP_NUM_THREADS")}
        words = ["train", *TRAINING, "--data-root", str(data_root), "--log-every", "1", "--steps", "1000000"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ganzoo", *words, "--checkpoint-every", "0", "--out", str(run)],
            env={**clean, **manner},
            stderr=subprocess.DEVNULL,
        )
        self.turn, self._metrics, limit = Paused(self.process), run / "metrics.jsonl", time.perf_counter() + PATIENCE
        with self.turn:
            while not self.steps():
                if self.process.poll() is not None or time.perf_counter() > limit:
                    raise click.ClickException(f"a training made no step in {PATIENCE:.0f} seconds")
                time.sleep(LOOK)

    def steps(self) -> int:
        """Return the number of steps so far."""
        rows = self._metrics.read_text(encoding="utf-8").splitlines() if self._metrics.exists() else []
        return max((json.loads(row).get("step", 0) for row in rows if row.endswith("}")), default=0)


def speed(trainings: Sequence[Training], others: Sequence[Paused], seconds: float) -> float:
    """Return the steps per second of the slowest of the trainings, which all run beside the others."""
    with ExitStack() as stack:
        for turn in (*others, *(training.turn for training in trainings)):
            stack.enter_context(turn)
        before, began = [training.steps() for training in trainings], time.perf_counter()
        time.sleep(seconds)
        took = time.perf_counter() - began
        return min((training.steps() - first) / took for training, first in zip(trainings, before, strict=True))


def measure(data_root: Path, seconds: float, rounds: int) -> dict[tuple[str, str], list[float]]:
    """Return the speeds by company and manner, round by round."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        for process in spinning:
            stack.callback(process.kill)
            process.send_signal(signal.SIGSTOP)
        trainings: dict[str, list[Training]] = defaultdict(list)
        for manner, environment in MANNERS.items():
            for number in range(2):
                training = Training(data_root, environment, Path(folder) / f"{len(trainings)}-{number}")
                stack.callback(training.process.kill)
                trainings[manner].append(training)
        for _ in range(rounds):
            for company, (others, count) in COMPANIES.items():
                for manner, both in trainings.items():
                    turns = [Paused(process) for process in spinning[:others]]
                    found[company, manner].append(speed(both[:count], turns, seconds))
    return found


@click.command()
@common.data_root
@common.out
@common.share
@click.option("--seconds", default=SECONDS, help="Seconds of a turn.")
def main(data_root: Path, out: Path | None, share: float, seconds: float) -> None:
    """Compare the speed of trainings by how their threads wait, in turns."""
    found = measure(data_root, seconds, common.share_of(ROUNDS, share))
    load = os.getloadavg()[0]
    results: list[dict[str, Any]] = [
        {"company": company, "manner": manner, "load": round(load, 1), "speeds": [round(each, 2) for each in rounds]}
        for (company, manner), rounds in found.items()
    ]
    common.publish(results, torch.device("cpu"), out)


if __name__ == "__main__":
    common.run(main)
