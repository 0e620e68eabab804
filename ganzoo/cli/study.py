"""``ganzoo study``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from ganzoo.catalogue import installed
from ganzoo.catalogue.evaluation_plan import SAMPLES
from ganzoo.cli.candidates import every_preset
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath
from ganzoo.cli.output import print_json, print_table, tell, tell_loading
from ganzoo.cli.plugin_option import command_again
from ganzoo.cli.words import of_params, scan
from ganzoo.errors import UserError
from ganzoo.signals import SIGNALLED
from ganzoo.text import warn

_FLAGS = "ganzoo.flags"
_OF_A_RUN = {"seed": "--seeds N", "resume": "--resume", "config": "the options themselves", "observer": "none"}


class StudyCommand(HelpCommand):
    """A command that also takes the options of every training, of the judge and of the metrics."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the options of trainings, and let click parse the others."""
        own, variants = of_params(self.get_params(ctx)), installed().names("variant")
        others: list[str] = []
        flags: dict[str, str | bool] = {}
        for word in scan(args, own.get, variants):
            name = word.flag.removeprefix("--")
            if word.flag in own or not word.flag.startswith("--") or not name:
                others.extend(word.raw)
            elif name in _OF_A_RUN:
                raise UserError(f"a study sets --{name} of each training: give {_OF_A_RUN[name]}")
            elif word.value is not None:
                flags[name] = word.value
            else:
                flags[name.removeprefix("no-")] = not name.startswith("no-")
        ctx.meta[_FLAGS] = flags
        return super().parse_args(ctx, others)


@click.command(cls=StudyCommand, options_metavar="[OPTIONS]")
@click.argument("variants", nargs=-1, metavar="[VARIANT]...")
@click.option(
    "--grid", "grid", multiple=True, metavar="NAME=A,B,…",
    help="What to combine: a slot, a kind or an option, with the words to try. May be repeated.",
)  # fmt: skip
@click.option("--seeds", type=click.IntRange(1, 1000), help="Trainings of each combination.  [default: 3]")
@click.option("--out", type=UserPath(), required=True, metavar="STUDY", help="The folder of the study.")
@click.option("--resume", is_flag=True, help="Go on with the study in --out; it may also grow.")
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True,
    help="Trainings at a time, each in a process of its own; `ganzoo train --dry-run` tells how much memory one takes.",
)  # fmt: skip
@click.option(
    "--preset",
    metavar="NAME",
    shell_complete=every_preset,
    help="The settings of every variant, as in `ganzoo train`.",
)
@click.option("--judge", metavar="NAME", help="The judge of all models; without it, the default judge of the dataset.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="A metric to compute; may be repeated.")
@click.option(
    "--samples", type=click.IntRange(min=1), help=f"Examples to generate with each model.  [default: {SAMPLES}]"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def study(out: Path, resume: bool, jobs: int, as_json: bool, **given: Any) -> int:
    """Train every combination of choices, and compare the models.

    --grid gives the choices for a slot or an option of VARIANTs. Each combination is trained with --seeds seeds, and
    all models are judged alike. The table has mean and standard deviation of every figure; it is also written to
    STUDY/table.csv. A combination that does not fit is a row with the reason. Other options are those of
    `ganzoo train`, for every training: --steps 2000 --dataset mnist.

    A study may be stopped or killed at any time: --resume goes on with it, to the same table to the last digit, also
    with another number of --jobs: a study keeps the number of threads of each training, which --jobs divides at its
    beginning.
    """
    flags = click.get_current_context().meta[_FLAGS]
    tell_loading("study")
    # Imported here because it imports torch.
    import torch

    from ganzoo.storage.files import make_folder, write_atomically
    from ganzoo.storage.folder_lock import FolderLock
    from ganzoo.studio.study import runner, table
    from ganzoo.studio.study.journal import Journal, read_journal

    recorded = read_journal(out)
    if recorded is None and not _is_free(out):
        raise UserError(f"{out} is not empty, and not the folder of a study: choose another --out")
    if recorded is not None and not resume:
        raise UserError(f"{out} contains a study: go on with it with --resume, or choose another --out")
    known = (recorded.outcomes, recorded.threads) if recorded is not None else ({}, 0)
    journal = Journal(out, _plan(given, flags, recorded), *known)
    journal.threads = journal.threads or max(1, torch.get_num_threads() // jobs)
    waiting = runner.check(journal, warn)
    with ExitStack() as stack:
        try:
            make_folder(out)
            stack.callback(FolderLock(out).release)
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(f"{out} cannot be written: {reason}; choose another --out") from problem
        journal.write()
        try:
            runner.run(journal, waiting, warn, min(jobs, len(waiting)))
        except runner.Stopped as stopped:
            again = command_again("study", "--out", str(out), "--resume")
            tell("the study is stopped; to continue:", err=True)
            tell(f"  {again}", err=True, wrap=False)
            return SIGNALLED + stopped.number
        write_atomically(out / "table.csv", table.as_csv(journal).encode())
    if as_json:
        print_json({"plan": journal.plan.to_json(), "rows": table.as_json(journal)})
    else:
        print_table(*table.as_table(journal))
        tell(f"table: {out / 'table.csv'}", err=True)
    return 0


def _is_free(folder: Path) -> bool:
    """Return whether a study may begin in ``folder``: it does not exist, or holds no more than a lock."""
    try:
        return {path.name for path in folder.iterdir()} <= {".lock", ".owner"}
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _plan(given: dict[str, Any], flags: dict[str, str | bool], recorded: Any) -> Any:
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
        "seeds": given["seeds"],
        "options": options,
        "preset": given["preset"],
        "judge": given["judge"],
        "metrics": metrics,
        "samples": given["samples"],
        "judging": judging,
    }
    if recorded is not None:
        plan = Plan(**{name: value or getattr(recorded.plan, name) for name, value in chosen.items()})
        plan.refuse_other_measure(recorded.plan)
    else:
        plan = Plan(**{**chosen, "seeds": chosen["seeds"] or 3, "samples": chosen["samples"] or SAMPLES})
    if not plan.variants:
        raise UserError(f"say which variants to study: {', '.join(registry.names('variant'))}")
    for variant in plan.variants:
        registry.variant(variant)
    return plan


def _grid(given: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    grid: dict[str, tuple[str, ...]] = {}
    for row in given:
        name, equals, words = row.partition("=")
        name, tried = name.removeprefix("--"), tuple(dict.fromkeys(filter(None, words.split(","))))
        if not name or not equals or not tried:
            raise UserError(f"--grid {row!r} has no words to try: write --grid loss=bce,hinge")
        if name in grid:
            raise UserError(f"--grid names {name!r} twice: write all of its words together")
        if name in ("seed", "out"):
            raise UserError(f"--grid cannot vary {name!r}: --seeds says how many seeds there are")
        grid[name] = tried
    return grid
