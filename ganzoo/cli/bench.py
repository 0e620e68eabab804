"""``ganzoo bench``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, final

import click

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.settings import RunSettings
from ganzoo.cli.candidates import every_preset, names_of, values_of_setting
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.output import print_json, print_table, tell, tell_loading
from ganzoo.cli.parts import expected_flags
from ganzoo.cli.words import of_params, scan, setting
from ganzoo.errors import Refused, UserError
from ganzoo.text import warn
from ganzoo.waiting import waiting

if TYPE_CHECKING:
    from ganzoo.studio.benchmark import Benchmark, Roofline
    from ganzoo.studio.machine import Machine

F = TypeVar("F", bound=Callable[..., Any])
SETTINGS = ("batch_size", "seed", "device", "precision", "execution", "ema", "accumulate", "data_root")
HEADINGS = ("variant", "steps/s", "images/s", "cost per step", "of matrix rate", "of copy rate", "bound", "peak memory")
SPLIT_HEADINGS = ("variant", "configuration", "time per step")
MEGA, GIGA = 10**6, 10**9
_FLAGS = "ganzoo.flags"


@final
class BenchCommand(HelpCommand):
    """Collects the parts and their options, which depend on the variants; click parses the others."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Collect the parts and their options, and let click parse the others."""
        own, registry = of_params(self.get_params(ctx)), installed()
        known = expected_flags(registry, frozenset()) | own
        others: list[str] = []
        flags: dict[str, str | bool] = {}
        for word in scan(args, known.get, registry.names("variant")):
            if word.flag in own or not word.flag.startswith("--") or word.flag == "--":
                others.extend(word.raw)
            else:
                name, value = setting(word)
                flags[name] = value
        ctx.meta[_FLAGS] = flags
        return super().parse_args(ctx, others)


def _settings(command: F) -> F:
    """Give a command the run settings that affect the speed of a training."""
    for option in reversed([option for option in options_of(RunSettings) if option.name in SETTINGS]):
        candidates = values_of_setting(option)
        command = click.option(f"--{option.flag}", metavar=option.metavar, help=option.help, shell_complete=candidates)(
            command
        )
    return command


@click.command(cls=BenchCommand, options_metavar="[OPTIONS]")
@click.argument("variants", nargs=-1, metavar="[VARIANT]...", shell_complete=names_of("variant"))
@click.option(
    "--preset", metavar="NAME", shell_complete=every_preset, help="The preset of all variants, such as published."
)
@click.option(
    "--dataset", metavar="NAME", shell_complete=names_of("dataset"),
    help="The dataset for all variants, instead of their default datasets.",
)  # fmt: skip
@click.option(
    "--conditioner", metavar="NAME", shell_complete=names_of("conditioner"), help="The conditioner for all networks."
)
@_settings
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    help="Steps per lap; the result is the median of three laps. Without it, a lap takes about a second.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def bench(variants: tuple[str, ...], preset: str | None, steps: int | None, as_json: bool, **settings: Any) -> None:
    """Measure how fast each VARIANT trains on this machine.

    Without VARIANT, all installed variants are measured. Parts and their options, such as --generator-widths 64,64, are
    given as in `ganzoo train`, and must be known to every VARIANT. The first table shows steps and images per second;
    the cost of a step in operations and bytes; which share of the machine's rates for matrix products and for copies
    this is, and which of the two is the bound; and the peak memory (on CUDA of tensors, otherwise of the whole process,
    torch included). The second table shows the time per step by part. A training of several windows, such as one with a
    pre-training, is measured in the last one. Cost and times by part are measured in eager execution.
    """
    registry = installed()
    names = variants or registry.names("variant")
    if not names:
        raise UserError("no variant is installed, so nothing can be measured: see `ganzoo plugins`")
    of_parts: dict[str, Any] = click.get_current_context().meta[_FLAGS]
    if idle := [option.flag for option in options_of(RunSettings) if option.flag in of_parts]:
        raise UserError(f"--{idle[0]} changes nothing that is measured: leave it out")
    selections = []
    for name in names:
        with _named(name, len(names) > 1):
            selections.append(select(registry, name, of_parts | settings, preset))
    if not as_json:
        tell_loading("bench")
    # Imported here because it imports torch: problems that need no torch have been reported by now.
    from ganzoo.assembly.dry_run import assemble
    from ganzoo.step.device import choose_device
    from ganzoo.step.precision import choose_precision
    from ganzoo.studio.benchmark import benchmark, roofline
    from ganzoo.studio.machine import measure_machine

    checked = []
    for selection in selections:
        with _named(selection.variant, len(names) > 1):
            precision = choose_precision(selection.run.precision, choose_device(selection.run.device))
            checked.append((selection, assemble(selection), precision))
    warn("measuring the machine")
    machine = measure_machine(checked[0][2].device)
    found = []
    for number, (selection, data, precision) in enumerate(checked, start=1):
        warn(f"{selection.variant} ({number} of {len(checked)})")
        result = benchmark(selection, data, precision, steps, warn)
        found.append((result, roofline(result, machine)))
    if as_json:
        results = [_as_json(*each) for each in found]
        print_json({"machine": dataclasses.asdict(machine), "waiting": waiting.told, "results": results})
        return
    tell(f"{_machine_line(machine)}; threads {waiting.told}")
    print_table(HEADINGS, [_row(*each) for each in found])
    print_table(SPLIT_HEADINGS, [(result.variant, _configuration(result), _split(result)) for result, _ in found])


@contextmanager
def _named(variant: str, several: bool) -> Iterator[None]:
    """Begin the problems of one of ``several`` variants with its name."""
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
        f"{result.peak_memory / MEGA:,.0f} MB" if result.peak_memory else "unknown",
    )


def _configuration(result: Benchmark) -> str:
    return ", ".join((*result.data.values(), result.precision, result.execution, f"batch {result.batch_size}"))


def _split(result: Benchmark) -> str:
    total = sum(result.split.values())
    parts = ", ".join(
        f"{part} {seconds * 1e3:.2f} ms ({seconds / total:.0%})" for part, seconds in result.split.items()
    )
    return f"{total * 1e3:.2f} ms {result.split_execution}: {parts}"
