"""Benchmark: the time from the command to the first step."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import common
import torch

EXTRA = 1.0  # seconds that are allowed beyond the import of torch
ROUNDS = 9
PATIENCE = 600.0
LOOK = 0.002  # seconds between two looks
IMPORT = "import torch"
# The first optimizer of a process imports torch's compiler, whether it is used or not.
OPTIMIZER = "import torch; torch.optim.Adam([torch.zeros(1, requires_grad=True)])"


def first_step(data_root: Path) -> float:
    """Return the seconds from starting `ganzoo train cgan --dataset mnist` to the first row of its metrics."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = ["train", "cgan", "--dataset", "mnist", "--data-root", str(data_root), "--log-every", "1"]
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "ganzoo", *words, "--out", str(run)], stderr=subprocess.PIPE, text=True
        )
        try:
            return _until_written(run / "metrics.jsonl", process) - began
        finally:
            process.kill()
            process.communicate()


def _until_written(path: Path, process: subprocess.Popen[str]) -> float:
    limit = time.perf_counter() + PATIENCE
    while time.perf_counter() < limit:
        if path.exists() and path.stat().st_size:
            return time.perf_counter()
        if process.poll() is not None:
            raise click.ClickException(f"the training ended before its first step: {process.communicate()[1]}")
        time.sleep(LOOK)
    raise click.ClickException(f"the training made no step in {PATIENCE:.0f} seconds")


def process(program: str) -> float:
    """Return the seconds that a process with a short Python program takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began


@click.command()
@common.data_root
@common.out
@common.share
def main(data_root: Path, out: Path | None, share: float) -> None:
    """Compare the time to the first step with the import of torch, in turns."""
    turns: dict[str, common.Turn] = {
        "first step": lambda steps: first_step(data_root),
        "import": lambda steps: process(IMPORT),
        "optimizer": lambda steps: process(OPTIMIZER),
    }
    found = common.interleaved(turns, 1, common.share_of(ROUNDS, share))
    extra = [first - alone for first, alone in zip(found["first step"], found["import"], strict=True)]
    seconds = {name: common.median(values) for name, values in found.items()}
    result = {"training": "cgan", **seconds, "extra": common.median(extra), "target": EXTRA}
    common.publish([result], torch.device("cpu"), out)


if __name__ == "__main__":
    common.run(main)
