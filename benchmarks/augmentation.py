"""Benchmark: what augmentations gain when there are few images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import common
import torch
from conditioners import Table
from one_training import Job, alone
from quality import SAMPLES

VARIANT = "dcgan"
# ADA's p may rise from 0 to 1 in a fifth of the run: 500 kimg would be far more than all images of it.
AUGMENTATIONS: Mapping[str, Mapping[str, Any]] = {
    "none": {},
    "diffaugment": {},
    "ada": {"augmentation_kimg": 20},
}
# A discriminator of images of this size learns 500 of them by heart in these steps; one of smaller images does not.
DATA = {"dataset": "mnist", "dataset_size": 32}
NETWORKS = {"generator_width": 16, "discriminator_width": 16, "batch_size": 32}
JUDGED: Mapping[str, Any] = {"metrics": ["frechet", "manifold"], "samples": SAMPLES, "dataset_count": None}


def job_of(name: str, count: int, steps: int, seed: int) -> Job:
    """Return the job of one process: a training with ``count`` images, judged with all test images."""
    training = {
        **DATA,
        "dataset_count": count,
        **NETWORKS,
        "augmentation": name,
        **AUGMENTATIONS[name],
        "steps": steps,
        "seed": seed,
        "precision": "fp32",
        "sample_every": steps,
        "checkpoint_every": 0,
    }
    return Job(VARIANT, training, {**JUDGED, "seed": seed}, wanted=0.0)


def measure(names: Sequence[str], jobs: Sequence[Job], data_root: Path, table: Table) -> Iterator[dict[str, Any]]:
    """Yield the row of every job; rows in ``table`` are not measured again."""
    for name, job in zip(names, jobs, strict=True):
        row = table.known(job)
        if row is None:
            row = {"augmentation": name, "job": asdict(job), **alone(job, data_root, None)}
            table.add(row)
        click.echo(f"{name}, seed {job.training['seed']}: {row['figures']}", err=True)
        yield row


@click.command(context_settings={"show_default": True})
@common.data_root
@common.out
@click.option("--count", type=click.IntRange(min=10), default=500, help="Training images, equally many of each digit.")
@click.option("--steps", type=click.IntRange(min=1), default=4000, help="Training steps.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, help="Trainings with each augmentation.")
def main(data_root: Path, out: Path | None, count: int, steps: int, seeds: int) -> None:
    """Train with few images and every augmentation, and judge 10,000 samples of each model.

    OUT has every row as soon as it is measured. Rows are also kept in OUT.partial.jsonl until all are there; the same
    command goes on where it was cut off.
    """
    table = Table(out)
    names = [name for _ in range(seeds) for name in AUGMENTATIONS]
    jobs = [job_of(name, count, steps, seed) for seed in range(seeds) for name in AUGMENTATIONS]
    about = {"count": count, "steps": steps, "samples": JUDGED["samples"], "options": {**DATA, **NETWORKS}}
    results: list[dict[str, Any]] = [about]
    for row in measure(names, jobs, data_root, table):
        results.append(_published(row))
        if out is not None:
            common.write(out, common.described(results, torch.device("cpu")))
    common.publish(results, torch.device("cpu"), out)
    table.done()


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "augmentation": row["augmentation"],
        "options": dict(AUGMENTATIONS[row["augmentation"]]),
        "seed": row["job"]["training"]["seed"],
        **{name: row[name] for name in ("steps_per_second", "figures", "judge")},
    }


if __name__ == "__main__":
    common.run(main)
