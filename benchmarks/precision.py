"""Benchmark: quality in float32 and bfloat16, of the same trainings by the same judge."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

import click
import torch
from common import data_root, out, publish
from quality import SAMPLES, figures, floors

import ganzoo
from ganzoo.evaluation import Evaluation

CASES = {"cgan": 5000, "cgan-conv": 500}  # steps
PRECISIONS = ("fp32", "bf16")


@click.command()
@data_root
@out
@click.option("--seeds", default=3, help="Trainings in each precision.")
@click.option("--steps", type=int, help="Steps of each training, instead of the usual ones.")
def main(data_root: Path, out: Path | None, seeds: int, steps: int | None) -> None:
    """Train in float32 and bfloat16, and judge 10,000 samples of each model."""
    results: list[dict[str, Any]] = []
    for variant, usual in CASES.items():
        for precision in PRECISIONS:
            scores = [_score(variant, precision, seed, steps or usual, data_root) for seed in range(seeds)]
            found, rates = zip(*scores, strict=True)
            row = {
                "variant": variant,
                "precision": precision,
                "steps": steps or usual,
                "accuracy": [round(figures(each)["accuracy"], 4) for each in found],
                "distance": [round(figures(each)["FD"], 2) for each in found],
                "steps_per_second": statistics.median(rates),
            }
            click.echo(row, err=True)
            results.append(row)
    judge = {"judge": found[0].judge["accuracy"], "floor": floors(found[0])["FD"], "samples": SAMPLES}
    publish([judge, *results], torch.device("cpu"), out)


def _score(variant: str, precision: str, seed: int, steps: int, data_root: Path) -> tuple[Evaluation, float]:
    """Return how a model that is trained now is judged, and how many steps a second its training made."""
    with tempfile.TemporaryDirectory() as scratch:
        run = ganzoo.train(
            variant,
            dataset="mnist",
            data_root=data_root,
            conditioner="concat",
            precision=precision,
            seed=seed,
            steps=steps,
            out=Path(scratch) / "run",
            progress=False,
        )
        found = ganzoo.evaluate(
            run.folder.path, metrics=["accuracy", "frechet"], samples=SAMPLES, seed=seed, data_root=data_root
        )
    return found, round(run.steps / run.seconds, 1)


if __name__ == "__main__":
    main()
