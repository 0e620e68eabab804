"""Benchmark: one honest grid of each variant, the first hundred examples of seed 0, with command, steps and time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import common
import torch
from conditioners import Table
from quality import draw, figures

import ganzoo
from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import installed, select
from ganzoo.errors import Refused, UserError

SAMPLES = 10_000
Row = Mapping[str, Any]


def options_of(variant: str, dataset: str, data_root: Path) -> dict[str, Any]:
    """Return the options of a variant's training: ``dataset`` where it fits, the variant's own data elsewhere."""
    options = {"dataset": dataset}
    try:
        assemble(select(installed(), variant, {**options, "data_root": data_root}))
    except Refused:
        return {}
    return options


def judged(folder: Path, data_root: Path, device: str) -> dict[str, float]:
    """Return the figures of a model by the metrics that fit it, without those that are slow."""
    try:
        return figures(ganzoo.evaluate(folder, samples=SAMPLES, data_root=data_root, device=device))
    except UserError as problem:
        click.echo(f"{folder.name} is not judged: {problem}", err=True)
        return {}


def trained(variant: str, options: Row, data_root: Path, device: str, picture: Path) -> dict[str, Any]:
    """Train a variant, draw its grid, judge it, and return its row."""
    words = [f"--{name.replace('_', '-')} {value}" for name, value in options.items()]
    quiet: dict[str, Any] = {"progress": False, "sample_every": 10**9, "data_root": data_root, "device": device}
    with tempfile.TemporaryDirectory() as scratch:
        run = ganzoo.train(variant, **options, **quiet, out=Path(scratch) / variant)
        draw(run.folder.path, picture)
        found = judged(run.folder.path, data_root, device)
    command = " ".join(["ganzoo train", variant, *words])
    return {
        "variant": variant,
        "command": command,
        "steps": run.steps,
        "seconds": round(run.seconds, 1),
        "figures": found,
    }


def measure(
    variants: Sequence[str], options: Row, dataset: str, data_root: Path, device: str, pictures: Path, table: Table
) -> Iterator[dict[str, Any]]:
    """Yield the row of every variant; rows in ``table`` are not measured again."""
    pictures.mkdir(parents=True, exist_ok=True)
    for variant in variants:
        row = table.find({"variant": variant})
        if row is None:
            chosen = {**options_of(variant, dataset, data_root), **options}
            row = trained(variant, chosen, data_root, device, pictures / f"gallery-{variant}.png")
            table.add(row)
            click.echo(f"{variant}: {row['seconds']} s, {row['figures']}", err=True)
        yield row


@click.command()
@click.argument("variants", nargs=-1)
@common.data_root
@common.device
@common.out
@common.pictures
@click.option("--dataset", default="mnist", help="The dataset of all variants that it fits.")
@click.option("--steps", type=click.IntRange(min=1), help="Steps of each, in place of its own.")
def main(
    variants: Sequence[str],
    data_root: Path,
    device: str,
    out: Path | None,
    pictures: Path | None,
    dataset: str,
    steps: int | None,
) -> None:
    """Train VARIANTS (all, if none is named), draw a grid of each, and judge 10,000 samples.

    Rows are kept in OUT.partial.jsonl until all are there; the same command goes on where it was cut off.
    """
    table = Table(out)
    options = {"steps": steps} if steps else {}
    names = variants or installed().names("variant")
    rows = list(measure(names, options, dataset, data_root, device, pictures or Path("gallery"), table))
    common.publish(rows, torch.device(device), out)
    table.done()


if __name__ == "__main__":
    common.run(main)
