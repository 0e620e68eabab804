"""One training with its model's figures, in a process and on a thread of its own.

The job comes on standard input and what was found goes to standard output, each as one JSON object.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import torch
from quality import draw, figures, judge

import ganzoo
from ganzoo.storage.metric_rows import read_rows


@dataclass(frozen=True)
class Job:
    """What to train and how to judge it: options of `ganzoo.train` and of `ganzoo.evaluate`, as JSON values.

    Of the scores that the training itself asks for, the first is watched until it is at least ``wanted``.
    """

    variant: str
    training: Mapping[str, Any]
    judging: Mapping[str, Any]
    wanted: float
    device: str = "cpu"


def alone(job: Job, data_root: Path, picture: Path | None) -> dict[str, Any]:
    """Return what a process of its own found; raises ``ClickException`` where it fails."""
    told = {"job": asdict(job), "data_root": str(data_root), "picture": str(picture or "")}
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__], input=json.dumps(told), capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        raise click.ClickException(f"{job.variant} {dict(job.training)} failed: {done.stderr.strip()[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def train_and_judge(job: Job, data_root: Path, picture: Path | None) -> dict[str, Any]:
    """Return how fast a training was, when it reached what is wanted, and how its last model is judged."""
    with tempfile.TemporaryDirectory() as scratch:
        run = ganzoo.train(
            job.variant,
            **job.training,
            data_root=data_root,
            out=Path(scratch) / "run",
            device=job.device,
            progress=False,
        )
        if not run.finished:
            raise click.ClickException(f"the training was stopped after {run.steps} steps")
        found = ganzoo.evaluate(run.folder.path, **job.judging, data_root=data_root, device=job.device)
        if picture is not None:
            draw(run.folder.path, picture)
        return {
            "threads": torch.get_num_threads(),
            "steps_per_second": round(run.steps / run.seconds, 2),
            "reached": first_reached(read_rows(run.folder.metrics), job.wanted),
            "figures": figures(found),
            "judge": judge(found),
        }


def first_reached(rows: Iterable[Mapping[str, Any]], wanted: float) -> float | None:
    """Return the training seconds at the first row whose first score is at least ``wanted``, or ``None``."""
    scored = ((row["seconds"], next(iter(row["scores"].values()))) for row in rows if row.get("scores"))
    return next((seconds for seconds, score in scored if score >= wanted), None)


def main() -> None:
    """Do the job on standard input."""
    torch.set_num_threads(1)
    told = json.load(sys.stdin)
    picture = Path(told["picture"]) if told["picture"] else None
    print(json.dumps(train_and_judge(Job(**told["job"]), Path(told["data_root"]), picture)))


if __name__ == "__main__":
    main()
