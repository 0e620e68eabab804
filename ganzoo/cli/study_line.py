"""What a line of ``ganzoo study`` asks for, together with what the journal of a study has recorded."""

from __future__ import annotations

from typing import Any

import click

from ganzoo.catalogue import installed
from ganzoo.catalogue.evaluation_plan import SAMPLES
from ganzoo.errors import UserError

AUTO, MOST_JOBS = "auto", 256
SEEDS, TRIALS = 3, 20  # where the line does not say how many


class Jobs(click.ParamType[Any]):
    """A number of trainings at a time, or ``auto``."""

    name = "jobs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number, or ``auto``."""
        return value if value == AUTO else click.IntRange(1, MOST_JOBS).convert(value, param, ctx)

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return what the help shows."""
        return "N|auto"


def plan_of(given: dict[str, Any], flags: dict[str, str | bool], recorded: Any) -> Any:
    """Return what the line asks for; what it leaves out is as ``recorded`` in a journal."""
    from ganzoo.studio.study.plan import Plan

    registry = installed()
    of_judging = tuple(f"{name}-" for name in ("judge", *registry.names("metric")))
    judging = {flag: str(value) for flag, value in flags.items() if flag.startswith(of_judging)}
    options = {flag: value for flag, value in flags.items() if flag not in judging}
    metrics = tuple(name for words in given["metrics"] for name in words.split(","))
    chosen: dict[str, Any] = {
        "variants": tuple(dict.fromkeys(given["variants"])),
        "grid": _grid(given["grid"]),
        "search": _searched(given["search"]),
        "trials": given["trials"],
        "objective": given["objective"],
        "seeds": given["seeds"],
        "options": options,
        "preset": given["preset"],
        "judge": given["judge"],
        "metrics": metrics,
        "samples": given["samples"],
        "judging": judging,
    }
    if recorded is not None:
        chosen = {name: value or getattr(recorded.plan, name) for name, value in chosen.items()}
    chosen["seeds"], chosen["samples"] = chosen["seeds"] or SEEDS, chosen["samples"] or SAMPLES
    if chosen["search"]:
        chosen["trials"] = chosen["trials"] or TRIALS
        chosen["objective"] = chosen["objective"] or _only_metric(chosen["metrics"])
        chosen["metrics"] = tuple(dict.fromkeys((*chosen["metrics"], chosen["objective"])))
    elif chosen["trials"] or chosen["objective"]:
        raise UserError("--trials and --objective belong to a search: write --search optimizer-lr=1e-5..1e-3:log")
    plan = Plan(**{**chosen, "trials": chosen["trials"] or 0})
    _refuse_both(plan)
    if recorded is not None:
        plan.refuse_other_measure(recorded.plan)
    if not plan.variants:
        raise UserError(f"say which variants to study: {', '.join(registry.names('variant'))}")
    for variant in plan.variants:
        registry.variant(variant)
    return plan


def _only_metric(metrics: tuple[str, ...]) -> str:
    """Return the metric that leads a search where the line names none."""
    if len(metrics) != 1:
        known = ", ".join(installed().names("metric"))
        raise UserError(f"say which metric leads the search: --objective METRIC, one of {known}")
    return metrics[0]


def _refuse_both(plan: Any) -> None:
    for name in plan.search:
        if name in plan.grid:
            raise UserError(f"--grid and --search both name {name!r}: --search NAME=A,B chooses from words too")


def _searched(given: tuple[str, ...]) -> dict[str, str]:
    """Return what to choose from, by option; raises :class:`UserError` where that is nothing."""
    from ganzoo.studio.study.spaces import space_of

    found: dict[str, str] = {}
    for row in given:
        name, text = _named(row, "--search", "optimizer-lr=1e-5..1e-3:log", found)
        space_of(text)
        found[name] = text
    return found


def _named(row: str, option: str, example: str, before: dict[str, Any]) -> tuple[str, str]:
    """Return the name and the text of ``NAME=TEXT``."""
    name, equals, text = row.partition("=")
    name = name.removeprefix("--")
    if not name or not equals or not text.strip(","):
        raise UserError(f"{option} {row!r} has no words to try: write {option} {example}")
    if name in before:
        raise UserError(f"{option} names {name!r} twice: write all of its words together")
    if name in ("seed", "out"):
        raise UserError(f"{option} cannot vary {name!r}: --seeds says how many seeds there are")
    return name, text


def _grid(given: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    grid: dict[str, tuple[str, ...]] = {}
    for row in given:
        name, words = _named(row, "--grid", "loss=bce,hinge", grid)
        grid[name] = tuple(dict.fromkeys(filter(None, words.split(","))))
    return grid
