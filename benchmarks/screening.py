"""Benchmark: settings of conditional GANs on MNIST, tried with one seed each, several trainings at a time."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import common
import torch
from quality import SAMPLES, figures

import ganzoo

METRICS = ["accuracy", "frechet", "manifold"]


def train_and_judge(setting: Mapping[str, Any], data_root: Path, device: str) -> dict[str, Any]:
    """Return a setting with the figures of its model, or with the problem that ended it."""
    torch.set_num_threads(1)
    row = {name: setting[name] for name in ("name", "variant", "options")}
    quiet: dict[str, Any] = {"progress": False, "sample_every": 10**6, "checkpoint_every": 0}
    try:
        with tempfile.TemporaryDirectory() as scratch:
            run = ganzoo.train(
                row["variant"],
                **{**setting["options"], **quiet, "dataset": "mnist", "data_root": data_root, "device": device},
                out=Path(scratch) / "run",
            )
            found = ganzoo.evaluate(
                run.folder.path, metrics=METRICS, samples=SAMPLES, data_root=data_root, device=device
            )
    except Exception as problem:  # the other settings are tried all the same
        return {**row, "problem": str(problem)}
    return {**row, "figures": figures(found)}


def measure(settings: list[dict[str, Any]], data_root: Path, device: str, jobs: int) -> Iterator[dict[str, Any]]:
    """Yield the row of every setting, as its training ends."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        waiting = [pool.submit(train_and_judge, setting, data_root, device) for setting in settings]
        for done in waiting:
            row = done.result()
            click.echo(f"{row['name']}: {row.get('figures', row.get('problem'))}", err=True)
            yield row


@click.command()
@click.argument("settings", type=click.Path(path_type=Path, exists=True))
@common.data_root
@common.device
@common.out
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Trainings at a time, one thread each.")
def main(settings: Path, data_root: Path, device: str, out: Path | None, jobs: int) -> None:
    """Train with each of SETTINGS, a JSON file with a list, or an earlier result of this script."""
    content = json.loads(settings.read_text(encoding="utf-8"))
    asked = content["results"] if isinstance(content, Mapping) else content
    common.publish(list(measure(asked, data_root, device, jobs)), torch.device(device), out)


if __name__ == "__main__":
    common.run(main)
