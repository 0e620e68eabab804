"""Benchmark: what `ganzoo train --dry-run` estimates, compared with what the training then takes."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import common
import torch

from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Selection, installed, select
from ganzoo.errors import UserError
from ganzoo.step.device import choose_device
from ganzoo.step.precision import choose_precision
from ganzoo.studio.benchmark import begin_peak_memory, peak_memory
from ganzoo.studio.estimate import estimate
from ganzoo.training.run import train

SECONDS = 20.0  # of a training
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


def apart(work: Callable[[Selection], dict[str, float]], selection: Selection) -> dict[str, float]:
    """Return what ``work`` finds in a process of its own, whose memory is that of this work."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, selection).result()


def compared(variant: str, seconds: float, device: str, data_root: Path) -> dict[str, Any]:
    """Return the estimate, what happened, and the errors, as shares of what happened, for about ``seconds``."""
    rate = apart(estimated, selected(variant, None, device, data_root))["rate"]
    selection = selected(variant, max(1, round(rate * seconds)), device, data_root)
    said, happened = apart(estimated, selection), apart(trained, selection)
    errors = {name: said[name] / happened[name] - 1 for name in said if happened[name]}
    return {
        "training": variant,
        "steps": selection.run.steps,
        "estimated": said,
        "happened": happened,
        "errors": errors,
    }


@click.command()
@click.argument("variants", nargs=-1, metavar="[VARIANT]...")
@click.option("--seconds", default=SECONDS, help="About how long each training takes.")
@common.device
@common.data_root
@common.out
def main(variants: tuple[str, ...], seconds: float, device: str, data_root: Path, out: Path | None) -> None:
    """Compare speed, time and memory for every VARIANT, by default for all."""
    results = []
    for variant in variants or installed().names("variant"):
        try:
            found = compared(variant, seconds, device, data_root)
        except UserError as problem:
            click.echo(f"{variant}: {problem}", err=True)
            continue
        errors = ", ".join(f"{name} {error:+.0%}" for name, error in found["errors"].items())
        click.echo(f"{variant}: {errors}", err=True)
        results.append({**found, "target": BOUND})
    common.publish(results, torch.device(choose_device(device)), out)


if __name__ == "__main__":
    common.run(main)
