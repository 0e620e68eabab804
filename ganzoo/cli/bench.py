"""``ganzoo bench``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.settings import RunSettings
from ganzoo.cli.output import print_json, print_table, tell
from ganzoo.errors import Refused, UserError
from ganzoo.text import warn

if TYPE_CHECKING:
    from ganzoo.studio.benchmark import Benchmark, Roofline
    from ganzoo.studio.machine import Machine

F = TypeVar("F", bound=Callable[..., Any])
SETTINGS = ("batch_size", "seed", "device", "precision", "execution", "data_root")
HEADINGS = ("variant", "steps/s", "images/s", "a step", "of matrix rate", "of copy rate", "bound", "peak memory")
PARTS = ("variant", "how", "where the time of a step goes")
MEGA, GIGA = 10**6, 10**9


def _settings(command: F) -> F:
    """Give a command the settings of a training that matter to its speed."""
    for option in reversed([option for option in options_of(RunSettings) if option.name in SETTINGS]):
        command = click.option(f"--{option.flag}", metavar=option.metavar, help=option.help)(command)
    return command


@click.command(options_metavar="[OPTIONS]")
@click.argument("variants", nargs=-1, metavar="[VARIANT]...")
@click.option("--dataset", metavar="NAME", help="Data for all of them, instead of each one's own.")
@click.option("--conditioner", metavar="NAME", help="The conditioner of every network.")
@_settings
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Steps in a lap, of which the median of three counts; without it, as many as take about a second.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def bench(variants: tuple[str, ...], steps: int | None, as_json: bool, **flags: Any) -> None:
    """Measure how fast each VARIANT trains here, or all that are installed.

    A first table tells steps and images a second; what a step costs, in operations and bytes; the share of the
    machine's own rates for matrix products and for copies that this reaches, and which of the two bounds it; and
    the most memory held at once (on CUDA by tensors, else by the whole process, torch included). A second one tells
    where the time of a step goes. Cost and times by part are those of the eager step.
    """
    registry = installed()
    names = variants or registry.names("variant")
    if not names:
        raise UserError("there is nothing to measure: no variant is installed; see `ganzoo plugins`")
    chosen = []
    for name in names:
        with _told_of(name, len(names) > 1):
            chosen.append(select(registry, name, flags))
    # torch is imported only now: everything that can be told from names has been told.
    from ganzoo.assembly.dry_run import assemble
    from ganzoo.step.device import choose_device
    from ganzoo.step.precision import choose_precision
    from ganzoo.studio.benchmark import benchmark, roofline
    from ganzoo.studio.machine import measure_machine

    checked = []
    for selection in chosen:
        with _told_of(selection.variant, len(names) > 1):
            precision = choose_precision(selection.run.precision, choose_device(selection.run.device))
            checked.append((selection, assemble(selection), precision))
    warn("measuring the machine")
    machine = measure_machine(checked[0][2].device)
    found = []
    for place, (selection, data, precision) in enumerate(checked, start=1):
        warn(f"{selection.variant} ({place} of {len(checked)})")
        result = benchmark(selection, data, precision, steps, warn)
        found.append((result, roofline(result, machine)))
    if as_json:
        print_json({"machine": dataclasses.asdict(machine), "results": [_as_json(*each) for each in found]})
        return
    tell(_machine_line(machine))
    print_table(HEADINGS, [_row(*each) for each in found])
    print_table(PARTS, [(result.variant, _how(result), _split(result)) for result, _ in found])


@contextmanager
def _told_of(variant: str, several: bool) -> Iterator[None]:
    """Name the variant of which something is refused, where there are several."""
    try:
        yield
    except Refused as refused:
        if not several:
            raise
        raise Refused([f"{variant}: {problem}" for problem in refused.problems]) from refused


def _as_json(result: Benchmark, reached: Roofline) -> dict[str, Any]:
    shares = {"matrix_share": reached.matrix, "memory_share": reached.memory, "bound": reached.bound}
    return {**dataclasses.asdict(result), **shares}


def _machine_line(machine: Machine) -> str:
    rates = ", ".join(f"{name} {rate / GIGA:,.0f} GFLOP/s" for name, rate in machine.matrix_rates.items())
    on = f"{machine.processor}, {machine.cores} cores, {machine.threads} threads, torch {machine.torch}"
    return f"{on}; on {machine.device}: {rates}, copies {machine.copy_rate / GIGA:.1f} GB/s"


def _row(result: Benchmark, reached: Roofline) -> tuple[str, ...]:
    cost = result.cost
    return (
        result.variant,
        f"{result.steps_per_second:,.1f}",
        f"{result.images_per_second:,.0f}",
        f"{cost.flops / GIGA:,.3f} GFLOP, {cost.bytes / MEGA:,.1f} MB",
        f"{reached.matrix:.1%}",
        f"{reached.memory:.1%}",
        reached.bound,
        f"{result.peak_memory / MEGA:,.0f} MB" if result.peak_memory else "not told",
    )


def _how(result: Benchmark) -> str:
    return ", ".join((*result.data.values(), result.precision, result.execution, f"batch {result.batch_size}"))


def _split(result: Benchmark) -> str:
    total = sum(result.split.values())
    parts = ", ".join(
        f"{part} {seconds * 1e3:.2f} ms ({seconds / total:.0%})" for part, seconds in result.split.items()
    )
    return f"{total * 1e3:.2f} ms {result.split_execution}: {parts}"
