"""Benchmark: what only a GPU can show, in at most nine minutes, in order of value.

First that recorded steps, guards, resumption and messages are what they are on a CPU; then how fast each variant
trains, against a tutorial's loop and against what limits it. A check that fails does not end the others, and what was
found is written after each. `--device cpu` is a rehearsal, in which a tape takes the place of a recording.
"""

from __future__ import annotations

import re
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import click
import common
import gpu_checks
import gpu_speed
import torch

from ganzoo.catalogue import installed
from ganzoo.step.device import choose_device
from ganzoo.studio.machine import measure_machine

Job = Callable[[], Mapping[str, Any]]


@click.command()
@click.option("--device", default="cuda", help="Where to compute: cuda, or cpu for a rehearsal.")
@common.out
@click.option("--minutes", default=8.5, help="Begin no further check after this time.")
@click.option("--only", metavar="REGEX", help="Only the checks whose names match.")
def main(device: str, out: Path | None, minutes: float, only: str | None) -> None:
    """Check and measure everything, and say what failed."""
    began, where = time.perf_counter(), choose_device(device)
    results: list[dict[str, Any]] = []
    for name, job in jobs(where).items():
        if only and not re.search(only, name):
            continue
        if time.perf_counter() - began > 60 * minutes:
            results.append({"check": name, "state": "no time left", "found": {}, "problem": ""})
            continue
        results.append(done(name, job))
        _write(results, where, out)
    failed = [result["check"] for result in results if result["state"] != "passed"]
    click.echo(f"{len(results) - len(failed)} of {len(results)} passed; not passed: {failed}", err=True)
    common.publish(results, where, out)


def jobs(device: torch.device) -> dict[str, Job]:
    """Return everything to do by name, in order of value."""
    machine = cache(partial(measure_machine, device))
    found: dict[str, Job] = {name: partial(check, device) for name, check in gpu_checks.checks().items()}
    speed: dict[str, Job] = {
        f"speed: {name}": partial(gpu_speed.against_the_tutorial, name, device, machine) for name in gpu_speed.CASES
    }
    speed |= {
        f"speed: {name}": partial(gpu_speed.defaults, name, device, machine) for name in installed().names("variant")
    }
    late = {f"speed, compiled: {name}": partial(gpu_speed.compiled, name, device, machine) for name in gpu_speed.CASES}
    last: dict[str, Job] = {name: partial(check, device) for name, check in gpu_checks.last_checks().items()}
    return {**found, **speed, **late, **last}


def done(name: str, job: Job) -> dict[str, Any]:
    """Do one job, and return what it found, or how it failed."""
    began = time.perf_counter()
    try:
        found, state, problem = dict(job()), "passed", ""
    except Exception as failure:
        found, state, problem = {}, "failed", f"{type(failure).__name__}: {failure}"
        traceback.print_exc()
    seconds = round(time.perf_counter() - began, 1)
    click.echo(f"{state} {seconds:6.1f} s  {name}  {problem or found}"[:1500], err=True)
    sys.stderr.flush()
    return {"check": name, "state": state, "seconds": seconds, "found": found, "problem": problem[:2000]}


def _write(results: list[dict[str, Any]], device: torch.device, out: Path | None) -> None:
    if out is not None:
        common.write(out, {"benchmark": "gpu", "results": results})


if __name__ == "__main__":
    common.run(main)
