"""Benchmark: how soon a person sees something, and how large a page about many runs is."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import common
import torch

from ganzoo.testing.models import untrained
from ganzoo.testing.recorded_runs import recorded_run

RUNS, PICTURES, PIXELS, STEPS = 10, 40, 500, 1000
ROUNDS = 5


def ten_runs(folder: Path) -> Path:
    """Write ten runs with curves, pictures of noise, which no format makes small, and models."""
    for number in range(RUNS):
        run = recorded_run(folder / f"run-{number}", STEPS, PICTURES, PIXELS, noise=True, seed=number)
        untrained(run / "model.safetensors", "cgan", dataset_size=16)
    return folder


def first_word(folder: Path) -> float:
    """Return the seconds from the command `ganzoo train` to the first byte that it writes."""
    with _started("train", "cgan", "--out", str(folder / "none"), stderr=subprocess.PIPE) as (process, began):
        assert process.stderr is not None
        process.stderr.read(1)
        return time.perf_counter() - began


def explored(path: Path, page: str = "") -> float:
    """Return the seconds from the command `ganzoo explore PATH` to the answer for a page."""
    with _started("explore", str(path), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as (process, began):
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        body = b"{}" if page else None
        with urllib.request.urlopen(url + page, body, timeout=600) as answer:
            answer.read()
        return time.perf_counter() - began


def reported(folder: Path) -> float:
    """Return the seconds that `ganzoo report` takes for all runs of a folder."""
    began = time.perf_counter()
    words = ["report", *sorted(map(str, folder.glob("run-*"))), "--out", str(folder / "report.html")]
    subprocess.run([sys.executable, "-m", "ganzoo", *words], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextmanager
def _started(*words: str, **streams: Any) -> Iterator[tuple[subprocess.Popen[bytes], float]]:
    """Start a command, which is killed after the block, and tell when that was."""
    began = time.perf_counter()
    process: subprocess.Popen[bytes] = subprocess.Popen([sys.executable, "-m", "ganzoo", *words], **streams)
    try:
        yield process, began
    finally:
        process.kill()
        process.communicate()


def imported() -> float:
    """Return the seconds that a process takes to import torch."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - began


@click.command()
@common.out
@common.share
def main(out: Path | None, share: float) -> None:
    """Measure the first word, the pages of an exploration, and a report of ten runs, in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = ten_runs(Path(name))
        single = folder / "run-0"
        works: dict[str, Callable[[], float]] = {
            "first word": lambda: first_word(folder),
            "runs": lambda: explored(folder),
            "model": lambda: explored(single, "0/0/picture"),
            "import": imported,
            "report": lambda: reported(folder),
        }
        turns: dict[str, common.Turn] = {name: _turn(work) for name, work in works.items()}
        found = common.interleaved(turns, 1, common.share_of(ROUNDS, share))
        size = (folder / "report.html").stat().st_size / 1e6
    seconds = {name: common.median(values) for name, values in found.items()}
    extra = [model - alone for model, alone in zip(found["model"], found["import"], strict=True)]
    result = {"count": RUNS, **seconds, "extra": common.median(extra), "megabytes": round(size, 2)}
    common.publish([result], torch.device("cpu"), out)


def _turn(work: Callable[[], float]) -> common.Turn:
    return lambda steps: work()


if __name__ == "__main__":
    common.run(main)
