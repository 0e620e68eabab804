"""Benchmark: every loss with every penalty, on one pair of networks."""

from __future__ import annotations

import itertools
import multiprocessing
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import click
import common
import torch
from conditioners import Table
from quality import figures

import ganzoo
from ganzoo.catalogue import installed
from ganzoo.errors import Refused, TrainingFailed, UserError
from ganzoo.testing.loss_cases import loss_forms

VARIANT = "cgan"
DATA = {"dataset": "mnist"}
# One learning rate and one average for all: what a loss is worth with settings of its own is not measured here.
SETTINGS: Mapping[str, Any] = {"generator_widths": (256, 512), "discriminator_widths": (256, 256), "ema": 0.99}
JUDGED: Mapping[str, Any] = {"metrics": ["accuracy", "frechet"], "samples": 2000}
Cell = tuple[str, str, dict[str, Any]]


def cells() -> Iterator[Cell]:
    """Yield each loss in each of its forms with each penalty, by names, with the options that choose them."""
    for (form, (loss, chosen)), penalty in itertools.product(loss_forms().items(), installed().names("penalty")):
        if any(value is True for value in chosen.values()):
            continue  # such as the saturating forms of fgan
        of_loss = {f"loss_{name}": value for name, value in chosen.items()}
        yield form, penalty, {**DATA, **SETTINGS, "loss": loss, **of_loss, "penalty": penalty}


def measure(cell: Cell, steps: int, data_root: Path, device: str) -> dict[str, Any]:
    """Return the row of a cell: its figures, why it is refused, or what ended it."""
    loss, penalty, options = cell
    torch.set_num_threads(1)
    row: dict[str, Any] = {"loss": loss, "penalty": penalty, "steps": steps}
    quiet: dict[str, Any] = {"progress": False, "sample_every": 10**6, "checkpoint_every": 0, "steps": steps}
    with tempfile.TemporaryDirectory() as scratch:
        try:
            run = ganzoo.train(
                VARIANT, **options, **quiet, data_root=data_root, device=device, out=Path(scratch) / "run"
            )
        except (TrainingFailed, Refused, UserError) as problem:  # the other cells are measured all the same
            return {**row, "failed" if isinstance(problem, TrainingFailed) else "refused": str(problem)}
        found = ganzoo.evaluate(run.folder.path, **JUDGED, data_root=data_root, device=device)
    return {**row, "figures": figures(found)}


def measure_all(steps: int, data_root: Path, device: str, jobs: int, out: Path | None) -> Iterator[dict[str, Any]]:
    """Yield the row of every cell, those of OUT.partial.jsonl first; each new one is kept there at once."""
    kept = Table(out)
    left = []
    for cell in cells():
        known = kept.find({"loss": cell[0], "penalty": cell[1], "steps": steps})
        if known is not None:
            yield known
        else:
            left.append(cell)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        for done in as_completed([pool.submit(measure, cell, steps, data_root, device) for cell in left]):
            row = done.result()
            kept.add(row)
            click.echo(f"{row['loss']}, {row['penalty']}: {row.get('figures', list(row.values())[-1])}", err=True)
            yield row
    kept.done()


@click.command(context_settings={"show_default": True})
@common.data_root
@common.device
@common.out
@click.option("--steps", type=click.IntRange(min=1), default=1500, help="Training steps of each cell.")
@click.option("--jobs", type=click.IntRange(min=1), default=1, help="Trainings at a time, one thread each.")
def main(data_root: Path, device: str, out: Path | None, steps: int, jobs: int) -> None:
    """Train with every loss and every penalty, and judge 2,000 samples of each model.

    Rows are kept in OUT.partial.jsonl until all are there; the same command goes on where it was cut off.
    """
    rows = list(measure_all(steps, data_root, device, jobs, out))
    order = {cell[:2]: place for place, cell in enumerate(cells())}
    rows.sort(key=lambda row: order[row["loss"], row["penalty"]])
    common.publish(rows, torch.device(device), out)


if __name__ == "__main__":
    common.run(main)
