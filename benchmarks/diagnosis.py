"""Benchmark: healthy trainings, in which a diagnosis should say nothing, and the time that its looks take."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import common

import ganzoo
from ganzoo.catalogue import installed
from ganzoo.health.doctor import Doctor
from ganzoo.storage.metric_rows import read_diagnoses, read_rows

STEPS = 400
SHORT = {"batch_size": 32, "sample_every": 10**6, "checkpoint_every": 0, "progress": False, "device": "cpu"}
LOSSES = ("lsgan", "hinge", "ragan", "rpgan", "fgan")
PENALTIES = ("r1", "dragan", "lecam", "wgan-gp")
CONDITIONERS = ("concat", "multiply", "add", "one-hot")
AUGMENTATIONS = ("diffaugment", "ada")


def healthy() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield thirty trainings or more: every variant as it is, and variants with other parts, seeds and data."""
    for variant in installed().names("variant"):
        yield variant, {}
    yield from (("gan", {"loss": loss, "dataset_size": 8}) for loss in LOSSES)
    yield from (("gan", {"penalty": penalty, "dataset_size": 8}) for penalty in PENALTIES)
    yield from (("cgan", {"conditioner": name, "dataset_size": 8}) for name in CONDITIONERS)
    yield from (("gan", {"augmentation": name}) for name in AUGMENTATIONS)
    yield from (("cgan", {"seed": seed, "dataset_size": 8}) for seed in (1, 2, 3))
    yield "cgan", {"discriminator_conditioner": "projection", "dataset_size": 8}
    yield "gan", {"dataset": "grid"}
    yield "cgan", {"dataset": "shapes", "dataset_size": 16, "dataset_count": 1000}


@click.command()
@click.option("--steps", default=STEPS, help="Steps of each training.")
@click.option("--most", default=1000, help="Trainings to make in this call; the others are left for the next one.")
@common.out
def main(steps: int, most: int, out: Path | None) -> None:
    """Make the healthy trainings that OUT does not have yet, and write a row of JSON for each."""
    known = read_rows(out) if out is not None else []
    trainings = [(variant, dict(flags)) for variant, flags in healthy()]
    missing = [each for each in trainings if each not in [(row["variant"], row["flags"]) for row in known]]
    for variant, flags in missing[:most]:
        row = {"variant": variant, "flags": flags, "steps": steps, **diagnosed(variant, flags, steps)}
        known.append(row)
        line = json.dumps(row)
        click.echo(line)
        if out is not None:
            with out.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
    said = [row for row in known if row["said"]]
    share = sum(row["looks"] for row in known) / (sum(row["seconds"] for row in known) or 1.0)
    click.echo(f"{len(said)} of {len(known)} were told something; looks took {share:.2%} of the time")


def diagnosed(variant: str, flags: Mapping[str, Any], steps: int) -> dict[str, Any]:
    """Return what a training was told, its seconds, and the seconds of the looks among them."""
    looks: list[float] = []
    look = Doctor.look

    def timed(doctor: Doctor, *given: Any) -> Any:
        began = time.perf_counter()
        try:
            return look(doctor, *given)
        finally:
            looks.append(time.perf_counter() - began)

    Doctor.look = timed  # type: ignore[method-assign, assignment]
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = ganzoo.train(variant, out=Path(folder) / "run", steps=steps, **{**SHORT, **flags})
            said = [str(diagnosis) for diagnosis in read_diagnoses(run.folder.metrics)]
    finally:
        Doctor.look = look  # type: ignore[method-assign]
    return {"said": said, "seconds": round(run.seconds, 2), "looks": round(sum(looks), 3)}


if __name__ == "__main__":
    main()
