"""Benchmark: what `ganzoo train --dry-run` estimates, compared with what the training then takes."""

from __future__ import annotations

import json
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import common

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed, select
from ganzoo.errors import UserError
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.studio.benchmark import begin_peak_memory, peak_memory
from ganzoo.studio.estimate import estimate
from ganzoo.training.run import train

SECONDS = 20.0  # of a training
REPETITIONS = 3
BOUND = 0.2  # by how much an estimate may be wrong


def selected(variant: str, steps: int | None, device: str, data_root: Path) -> Selection:
    """Return a variant with its defaults, and with ``steps`` if they are given."""
    flags = {} if steps is None else {"steps": steps, "epochs": None}
    return select(installed(), variant, {**flags, "device": device, "data-root": str(data_root)})


def estimated(selection: Selection) -> dict[str, float]:
    """Return what a dry run says: speed, time and memory."""
    precision = choose_precision(selection.run.precision, choose_device(selection.run.device))
    found = estimate(selection, assemble(selection), precision, 0, print)
    return {"rate": found.steps_per_second, "seconds": found.seconds, "memory": float(found.memory)}


def trained(selection: Selection) -> dict[str, float]:
    """Return what the training takes, to its last file."""
    device = choose_device(selection.run.device)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        begin_peak_memory(device)
        run = train(selection.with_out(Path(folder) / "run"))
        return {
            "rate": run.steps / run.seconds,
            "seconds": time.perf_counter() - began,
            "memory": float(peak_memory(device)),
        }


def apart(work: Callable[[Selection], dict[str, float]], selection: Selection, clock: str) -> dict[str, float]:
    """Return what ``work`` finds in a process of its own, whose memory is that of this work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ganzoo.studio.estimate", "ganzoo.training.run", "torch._dynamo"])
    with ProcessPoolExecutor(1, context) as pool:
        return pool.submit(by_clock, work, selection, clock).result()


def by_clock(work: Callable[[Selection], dict[str, float]], selection: Selection, clock: str) -> dict[str, float]:
    """Return what ``work`` finds, with all times measured by ``clock``."""
    if clock == "cpu":
        # Everything that is timed below is timed by this; other processes of a shared machine do not count then.
        time.perf_counter = time.process_time
    return work(selection)


def compared(
    variant: str, seconds: float, repetitions: int, clock: str, device: str, data_root: Path
) -> dict[str, Any]:
    """Return the estimates, what happened, and the median errors, as shares of what happened.

    A training takes about ``seconds``. Estimates and trainings take turns, so that both have the same machine.
    """
    rate = apart(estimated, selected(variant, None, device, data_root), clock)["rate"]
    selection = selected(variant, max(1, round(rate * seconds)), device, data_root)
    said, happened = [], []
    for _ in range(repetitions):
        said.append(apart(estimated, selection, clock))
        happened.append(apart(trained, selection, clock))
    errors = {
        name: statistics.median(one[name] / other[name] - 1 for one, other in zip(said, happened, strict=True))
        for name in said[0]
        if all(other[name] for other in happened)
    }
    return {
        "training": variant,
        "steps": selection.run.steps,
        "clock": clock,
        "estimated": said,
        "happened": happened,
        "errors": {name: round(error, 4) for name, error in errors.items()},
        "target": BOUND,
    }


@click.command()
@click.argument("variants", nargs=-1, metavar="[VARIANT]...")
@click.option("--seconds", default=SECONDS, help="About how long each training takes.")
@click.option("--repetitions", default=REPETITIONS, help="How often each is estimated and trained; medians count.")
@click.option(
    "--clock",
    type=click.Choice(["wall", "cpu"]),
    default="wall",
    help="cpu counts the time of the processor, for machines that others use, too (device cpu only).",
)
@common.device
@common.data_root
@common.out
def main(
    variants: tuple[str, ...],
    seconds: float,
    repetitions: int,
    clock: str,
    device: str,
    data_root: Path,
    out: Path | None,
) -> None:
    """Compare speed, time and memory for every VARIANT, by default for all; those in --out are not repeated."""
    results = json.loads(out.read_text(encoding="utf-8"))["results"] if out is not None and out.exists() else []
    about = common.described([], choose_device(device))
    for variant in variants or installed().names("variant"):
        if variant in [row["training"] for row in results]:
            continue
        try:
            found = compared(variant, seconds, repetitions, clock, device, data_root)
        except UserError as problem:
            click.echo(f"{variant}: {problem}", err=True)
            continue
        errors = ", ".join(f"{name} {error:+.0%}" for name, error in found["errors"].items())
        click.echo(f"{variant}: {errors}", err=True)
        results.append(found)
        if out is not None:
            common.write(out, {**about, "results": results})


if __name__ == "__main__":
    common.run(main)
