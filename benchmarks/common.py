"""Shared parts of the benchmarks: interleaved measurements, and result files."""

from __future__ import annotations

import dataclasses
import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import torch
from click.core import ParameterSource

from ganzoo.errors import UserError
from ganzoo.studio.machine import measure_machine, wait_for

WARM_UP = 5  # steps
ELSEWHERE = ("out", "pictures")  # what says where to write, and nothing of what is measured
Turn = Callable[[int], float]
"""Makes the given number of steps and returns the seconds per step."""

data_root = click.option(
    "--data-root", type=click.Path(path_type=Path), default=Path("data"), help="Folder with the datasets' files."
)
device = click.option("--device", default="cpu", help="Where to compute: cpu, cuda, mps or auto.")
out = click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to write the result.")
pictures = click.option("--pictures", type=click.Path(path_type=Path), metavar="FOLDER", help="Where to write samples.")
share = click.option("--share", default=1.0, help="Share of the usual number of rounds, for a quick look.")


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Return the seconds that ``work`` takes, with all its operations on ``device``."""
    wait_for(device)
    began = time.perf_counter()
    work()
    wait_for(device)
    return time.perf_counter() - began


def turn(step: Callable[[], object], device: torch.device) -> Turn:
    """Return the turn that repeats ``step``."""

    def make(steps: int) -> float:
        def go() -> None:
            for _ in range(steps):
                step()

        step()  # not measured: it pays for what another turn left in the caches
        return timed(go, device) / steps

    return make


def interleaved(turns: Mapping[str, Turn], steps: Mapping[str, int] | int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds per step of each turn, by round; the order of the turns rotates from round to round."""
    names = list(turns)
    counts = dict.fromkeys(names, steps) if isinstance(steps, int) else steps
    found: dict[str, list[float]] = {name: [] for name in names}
    for name in names:
        turns[name](WARM_UP)  # not measured: the first steps of all allocate, choose kernels and record graphs
    for number in range(rounds):
        for place in range(len(names)):
            name = names[(number + place) % len(names)]
            found[name].append(turns[name](counts[name]))
    return found


def ratios(found: Mapping[str, Sequence[float]], above: str, below: str) -> list[float]:
    """Return, round by round, how many times the seconds of ``below`` those of ``above`` are."""
    return [round(one / other, 4) for one, other in zip(found[above], found[below], strict=True)]


def median(values: Sequence[float]) -> float:
    """Return the median, to four significant digits."""
    return float(f"{statistics.median(values):.4g}")


def run(command: click.Command) -> None:
    """Run the command of a benchmark; errors of the user are printed in one line."""
    try:
        command()
    except UserError as problem:
        sys.exit(f"Error: {problem}")


def share_of(rounds: int, share: float) -> int:
    """Return a share of ``rounds``, at least 1."""
    return max(1, round(rounds * share))


def publish(results: Sequence[Mapping[str, Any]], device: torch.device, out: Path | None) -> None:
    """Print what was measured, with the machine and the command, and write it where ``out`` says."""
    found = described(results, device)
    click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    if out is not None:
        write(out, found)


def described(results: Sequence[Mapping[str, Any]], device: torch.device) -> dict[str, Any]:
    """Return the content of a result file: what was measured, with the machine and the command."""
    context = click.get_current_context()
    script = Path(context.info_name or "")
    about = dataclasses.asdict(measure_machine(device))
    return {"benchmark": script.stem, "command": _command(context, script), "machine": about, "results": results}


def write(out: Path, found: Mapping[str, Any]) -> None:
    """Write what was found into a file, and make its folder."""
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _command(context: click.Context, script: Path) -> str:
    """Return the command that was given, without the paths of this machine."""
    words = ["python", f"benchmarks/{script.name}"]
    for parameter in context.command.params:
        name = parameter.name or ""
        if name == "data_root":
            words += ["--data-root", "DIR"]
        elif isinstance(parameter, click.Argument):
            words.append(parameter.human_readable_name)
        elif name not in ELSEWHERE and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            given = context.params[name]
            if isinstance(given, bool):
                words.append(parameter.opts[0])
            else:
                for value in given if isinstance(given, tuple) else (given,):
                    words += [parameter.opts[0], str(value)]
    return " ".join(words)
