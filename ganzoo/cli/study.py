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
from ganzoo.cli.study_line import SEEDS, TRIALS, Jobs, plan_of
from ganzoo.cli.words import of_params, scan, setting
from ganzoo.errors import UserError
from ganzoo.signals import SIGNALLED
from ganzoo.text import warn

_FLAGS = "ganzoo.flags"
LOCAL = "local"
_OF_A_RUN = {"seed": "--seeds N", "resume": "--resume", "config": "the options themselves", "observer": "none"}


class StudyCommand(HelpCommand):
    """A command that also takes the options of every training, of the judge and of the metrics."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the options of trainings, and let click parse the others."""
        own, variants = of_params(self.get_params(ctx)), installed().names("variant")
        others: list[str] = []
        flags: dict[str, str | bool] = {}
        for word in scan(args, own.get, variants):
            if word.flag in own or not word.flag.startswith("--") or word.flag == "--":
                others.extend(word.raw)
                continue
            if instead := _OF_A_RUN.get(word.flag.removeprefix("--")):
                raise UserError(f"a study sets {word.flag} of each training: give {instead}")
            name, value = setting(word)
            flags[name] = value
        ctx.meta[_FLAGS] = flags
        return super().parse_args(ctx, others)


@click.command(cls=StudyCommand, options_metavar="[OPTIONS]")
@click.argument("variants", nargs=-1, metavar="[VARIANT]...")
@click.option(
    "--grid", "grid", multiple=True, metavar="NAME=A,B,…",
    help="What to combine: a slot, a kind or an option, with the words to try. May be repeated.",
)  # fmt: skip
@click.option(
    "--search", "search", multiple=True, metavar="NAME=LOW..HIGH",
    help="What to search: an option with LOW..HIGH (LOW..HIGH:log for orders of magnitude), or with words A,B. May be "
    "repeated.",
)  # fmt: skip
@click.option(
    "--trials", type=click.IntRange(1, 100_000),
    help=f"Trials of a search, for each combination of the grid.  [default: {TRIALS}]",
)  # fmt: skip
@click.option("--objective", metavar="METRIC", help="The metric that leads a search; without it, the only --metric.")
@click.option(
    "--seeds", type=click.IntRange(1, 1000), help=f"Trainings of each combination or trial.  [default: {SEEDS}]"
)
@click.option("--out", type=UserPath(), required=True, metavar="STUDY", help="The folder of the study.")
@click.option("--resume", is_flag=True, help="Go on with the study in --out; it may also grow.")
@click.option(
    "--jobs", type=Jobs(),
    help="Trainings at a time, each in a process of its own; auto: as many as cores and memory allow.  [default: 1; on "
    "Ray as many as its GPUs, or cores]",
)  # fmt: skip
@click.option(
    "--threads", type=click.IntRange(1, 65536),
    help="Threads of each training; a study keeps their number.  [default: the cores divided by --jobs]",
)  # fmt: skip
@click.option(
    "--on", "place", type=click.Choice([LOCAL, "ray"]), default=LOCAL, show_default=True,
    help="Where to train: on this machine, or as tasks of a Ray cluster.",
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
def study(
    out: Path, resume: bool, jobs: int | str | None, threads: int | None, place: str, as_json: bool, **given: Any
) -> int:
    """Train every combination of choices, and compare the models.

    --grid gives the choices for a slot or an option of VARIANTs. Each combination is trained with --seeds seeds, and
    all models are judged alike. The table has mean and standard deviation of every figure; it is also written to
    STUDY/table.csv. A combination that does not fit is a row with the reason. Other options are those of
    `ganzoo train`, for every training: --steps 2000 --dataset mnist.

    --search chooses the values of options, in --trials trials: the first ten at random, the others near those with the
    best mean of the --objective over the seeds. With a --grid each combination has a search of its own.

    A study may be stopped or killed at any time: --resume goes on with it, to the same table to the last digit, also
    with another number of --jobs: a study keeps what --jobs decides at its beginning, the number of threads of each
    training, and how many trials of a search are made at a time.
    """
    flags = click.get_current_context().meta[_FLAGS]
    tell_loading("study")
    # Imported here because they import torch.
    from ganzoo.storage.files import make_folder, write_atomically
    from ganzoo.storage.folder_lock import FolderLock
    from ganzoo.studio.study import places, runner, table
    from ganzoo.studio.study.journal import Journal, read_journal

    recorded = read_journal(out)
    if recorded is None and not _is_free(out):
        raise UserError(f"{out} is not empty, and not the folder of a study: choose another --out")
    if recorded is not None and not resume:
        raise UserError(f"{out} contains a study: go on with it with --resume, or choose another --out")
    plan = plan_of(given, flags, recorded)
    journal = recorded.planned(plan) if recorded is not None else Journal(out, plan)
    if threads and threads != (journal.threads or threads):
        raise UserError(f"the study was begun with {journal.threads} --threads for each training, and keeps them")
    trainings = runner.check(journal, warn)
    with ExitStack() as stack:
        chosen = stack.enter_context(places.opened(place, journal, trainings, jobs, threads, warn))
        try:
            make_folder(out)
            stack.callback(FolderLock(out).release)
        except OSError as problem:
            reason = problem.strerror or problem
            raise UserError(f"{out} cannot be written: {reason}; choose another --out") from problem
        journal.write()
        try:
            runner.run(journal, trainings, warn, chosen)
        except runner.Stopped as stopped:
            where = [] if place == LOCAL else ["--on", place]
            many = ["--jobs", str(jobs)] if jobs else []
            again = command_again("study", "--out", str(out), "--resume", *where, *many)
            tell("the study is stopped; to continue:", err=True)
            tell(f"  {again}", err=True, wrap=False)
            return SIGNALLED + stopped.number
        write_atomically(out / "table.csv", table.as_csv(journal).encode())
    if as_json:
        best = table.best_as_json(journal)
        print_json({"plan": journal.plan.to_json(), "rows": table.as_json(journal), **best})
        return 0
    print_table(*table.as_table(journal))
    tell(f"table: {out / 'table.csv'}", err=True)
    _tell_best(journal)
    return 0


def _tell_best(journal: Any) -> None:
    """Say which trial of each search is best, and where its models are."""
    from ganzoo.studio.study import runner, table

    for row in table.best(journal):
        where = journal.folder / runner.RUNS / row.combination.folder(0)
        tell(f"best by {journal.plan.objective}: {row.combination}, in {where}", err=True)


def _is_free(folder: Path) -> bool:
    """Return whether a study may begin in ``folder``: it does not exist, or holds no more than a lock."""
    try:
        return {path.name for path in folder.iterdir()} <= {".lock", ".owner"}
    except FileNotFoundError:
        return True
    except OSError:
        return False
