"""Benchmark: the memory of a training while it streams a folder larger than its budget, and over many steps."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import common
import numpy as np
import torch
from PIL import Image

MIB = 2**20
PROC = Path("/proc")
EVERY = 1.0  # seconds between two looks
IMAGES, SIDE = 30_000, 64
TIMES = 11  # what the larger folder takes, in budgets: a tenth of it does not fit either, so that both are streamed
STREAM = "--generator-widths 32 --discriminator-widths 32 --batch-size 64 --dataset folder --checkpoint-every 0"
LONG = "--batch-size 8 --dataset digits --recipe-generator-updates 1"
EXTRA, SLOPE = 0.1, 8.0  # allowed: a share of what the data takes, and MiB in 100,000 steps


@dataclass(frozen=True)
class Sample:
    """What a process and those it started held, and how many steps had been reported."""

    step: int
    memory: float
    descriptors: int
    threads: int


def watch(words: Sequence[str], run: Path) -> list[Sample]:
    """Run `ganzoo` with ``words`` and return samples from its first reported step to its last but one."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as said:
        command = [sys.executable, "-m", "ganzoo", *words, "--out", str(run)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        samples = []
        try:
            while process.poll() is None:
                time.sleep(EVERY)
                step = last_step(run / "metrics.jsonl")
                if found := look(process.pid, step):
                    samples.append(found)
        finally:
            process.kill()
            process.wait()
        if process.returncode:
            said.seek(0)
            raise click.ClickException(f"the training failed: {said.read()[-2000:]}")
    # The animation and the curves, drawn when training is over, are not what is looked at.
    last = last_step(run / "metrics.jsonl")
    return [sample for sample in samples if 0 < sample.step < last]


def last_step(metrics: Path) -> int:
    """Return the last step in a ``metrics.jsonl``, 0 where there is none."""
    try:
        with metrics.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - 4096))
            rows = file.read().split(b"\n")[:-1]
        return int(json.loads(rows[-1])["step"])
    except (OSError, IndexError, ValueError):
        return 0


def look(process: int, step: int) -> Sample | None:
    """Return what a process and its descendants hold, or none where they are ending."""
    try:
        family = [process, *descendants(process)]
        return Sample(
            step,
            sum(_memory(member) for member in family) / MIB,
            sum(len(list((PROC / f"{member}" / "fd").iterdir())) for member in family),
            sum(len(list((PROC / f"{member}" / "task").iterdir())) for member in family),
        )
    except (OSError, ValueError):
        return None


def descendants(process: int) -> Iterator[int]:
    """Yield the processes that one has started, and those that they have."""
    parents = {}
    for path in PROC.glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text(encoding="utf-8").rsplit(")", 1)[1].split()[1])
        except OSError:
            continue  # it ended meanwhile
    waiting = [process]
    while waiting:
        above = waiting.pop()
        below = [child for child, parent in parents.items() if parent == above]
        waiting += below
        yield from below


def _memory(process: int) -> int:
    """Return the bytes that a process made for itself; what it shares with its workers is divided among them.

    Files that it maps, such as torch's libraries, are left out: their share changes with what else runs.
    """
    for name, fields in (("smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")), ("status", ("RssAnon:", "RssShmem:"))):
        try:
            lines = [line.split() for line in (PROC / f"{process}" / name).read_text(encoding="utf-8").splitlines()]
        except PermissionError:
            continue
        if sizes := [int(line[1]) * 1024 for line in lines if line and line[0] in fields]:
            return sum(sizes)
    raise ValueError(f"nothing tells the memory of process {process}")


def slope(samples: Sequence[Sample]) -> float:
    """Return the MiB that are added in 100,000 steps, by a straight line through the second half of ``samples``."""
    half = samples[len(samples) // 2 :]
    line = statistics.linear_regression([sample.step for sample in half], [sample.memory for sample in half])
    return round(line.slope * 100_000, 2)


def draw_images(folder: Path, count: int) -> None:
    """Write ``count`` small JPEGs of soft patches of colour."""
    folder.mkdir()
    numbers = np.random.default_rng(0)
    for number in range(count):
        patches = Image.fromarray(numbers.integers(0, 256, (4, 4, 3), dtype=np.uint8))
        patches.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(folder / f"{number:05}.jpg")


def decoded(images: int) -> float:
    """Return the MiB that so many images take as bytes."""
    return round(images * SIDE * SIDE * 3 / MIB, 1)


def stream(scratch: Path, images: int, budget: int, steps: int) -> dict[str, Any]:
    """Return what a training on a folder of ``images`` held."""
    folder, run = scratch / f"images-{images}", Path(tempfile.mkdtemp(dir=scratch)) / "run"
    if not folder.exists():
        draw_images(folder, images)
    words = ["train", "gan", *STREAM.split(), "--data-budget", str(budget), "--steps", str(steps)]
    samples = watch([*words, "--data-root", str(folder)], run)
    return {
        "images": images,
        "decoded": decoded(images),
        "memory": round(statistics.median(sample.memory for sample in samples), 1),
        "peak": round(max(sample.memory for sample in samples), 1),
        "samples": len(samples),
    }


def last_long(scratch: Path, steps: int) -> dict[str, Any]:
    """Return what a training of so many steps held in its second half."""
    samples = watch(["train", "gan-minimal", *LONG.split(), "--steps", str(steps)], scratch / "run-long")
    half = samples[len(samples) // 2 :]
    return {
        "steps": steps,
        "memory": [round(sample.memory, 1) for sample in (half[0], half[-1])],
        "slope": slope(samples),
        "descriptors": [min(sample.descriptors for sample in half), max(sample.descriptors for sample in half)],
        "threads": [min(sample.threads for sample in half), max(sample.threads for sample in half)],
        "samples": len(half),
    }


@click.command()
@common.out
@click.option("--images", default=IMAGES, help="Images in the larger folder.")
@click.option("--stream-steps", default=1000, help="Steps of the trainings on folders.")
@click.option("--steps", default=100_000, help="Steps of the long training.")
def main(out: Path | None, images: int, stream_steps: int, steps: int) -> None:
    """Watch the memory of trainings in processes of their own."""
    if not PROC.is_dir():
        raise click.ClickException("memory is read from /proc, which this system does not have: run it on Linux")
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        budget = int(decoded(images) / TIMES)
        small, large = (stream(scratch, count, budget, stream_steps) for count in (images // 10, images))
        extra = (large["memory"] - small["memory"]) / (large["decoded"] - small["decoded"])
        results: list[dict[str, Any]] = [
            {"what": "stream", "budget": budget, "folders": [small, large], "extra": round(extra, 4), "target": EXTRA},
            {"what": "long", **last_long(scratch, steps), "target": SLOPE},
        ]
    common.publish(results, torch.device("cpu"), out)


if __name__ == "__main__":
    common.run(main)
