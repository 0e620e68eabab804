"""Benchmark: speed against batch size and width of the networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import common
from training import Training, choose

from ganzoo.step.device import choose_device

GAIN = 1.3
BATCHES = [2**power for power in range(4, 13)]
GENERATOR, DISCRIMINATOR = (128, 256, 512, 1024), (512, 512, 512)
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
WIDTHS = (16, 32, 64, 128)
SECONDS, ROUNDS = 0.5, 7  # of a turn at least


def knee(batches: Sequence[int], rates: Sequence[float], gain: float = GAIN) -> int | None:
    """Return the first batch whose double gives less than ``gain`` times the images a second, or none."""
    for batch, rate, doubled in zip(batches, rates, rates[1:], strict=False):
        if doubled < gain * rate:
            return batch
    return None


def series(
    choices: Mapping[str, Mapping[str, Any]], variant: str, where: Mapping[str, Any], share: float
) -> list[dict[str, Any]]:
    """Return the speed of a variant with each of ``choices``, flags by a name for them."""
    trainings = {name: Training(choose(variant, **where, **flags)) for name, flags in choices.items()}
    steps = {}
    for name, training in trainings.items():
        training.turn(1)
        steps[name] = math.ceil(SECONDS / training.turn(2))
    turns = {name: training.turn for name, training in trainings.items()}
    found = common.interleaved(turns, steps, common.share_of(ROUNDS, share))
    return [
        {
            "choice": name,
            "batch": training.batch_size,
            "parameters": training.parameters,
            "manner": training.manner,
            "seconds": common.median(found[name]),
        }
        for name, training in trainings.items()
    ]


@click.command()
@common.data_root
@common.device
@common.out
@common.share
def main(data_root: Path, device: str, out: Path | None, share: float) -> None:
    """Measure speed against batch and width."""
    where = {"dataset": "mnist", "data_root": data_root, "device": device}
    by_batch: dict[str, Mapping[str, Any]] = {str(batch): {"batch_size": batch} for batch in BATCHES}
    by_factor = {
        f"{factor:g}": {
            "generator_widths": tuple(int(width * factor) for width in GENERATOR),
            "discriminator_widths": tuple(int(width * factor) for width in DISCRIMINATOR),
        }
        for factor in FACTORS
    }
    by_width = {
        str(width): {"generator_width": width, "discriminator_width": width, "dataset_size": 32} for width in WIDTHS
    }
    rows = series(by_batch, "cgan", where, share)
    results: list[dict[str, Any]] = [
        {
            "training": "cgan",
            "against": "batch",
            "rows": rows,
            "knee": knee(BATCHES, [row["batch"] / row["seconds"] for row in rows]),
            "gain": GAIN,
        },
        {"training": "cgan", "against": "width", "rows": series(by_factor, "cgan", where, share)},
        {"training": "dcgan", "against": "width", "rows": series(by_width, "dcgan", where, share)},
    ]
    common.publish(results, choose_device(device), out)


if __name__ == "__main__":
    common.run(main)
