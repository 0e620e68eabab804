"""``ganzoo train``."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Sequence
from typing import Any

import click

from ganzoo.catalogue import installed, select
from ganzoo.catalogue.selection import PRESETS
from ganzoo.cli.options import (
    Group,
    groups,
    hint_of_slots,
    names_a_variant,
    read_config,
    refuse_no_variant,
    scan,
    without_unknown,
)
from ganzoo.errors import Refused
from ganzoo.signals import SIGNALLED, raise_overdue

_GROUPS, _HINT, _UNKNOWN = "ganzoo.groups", "ganzoo.hint", "ganzoo.unknown"


class TrainCommand(click.Command):
    """A command whose options are those of the parts that its own line chooses."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the chosen parts, then parse with their options."""
        registry = installed()
        asks_for_help = any(word in ctx.help_option_names for word in args)
        if not (asks_for_help and not names_a_variant(registry, args)):
            words = scan(registry, args)
            chosen = select(registry, words.variant, words.flags, words.preset, words.file)
            ctx.meta[_GROUPS] = _without_repeats(groups(chosen))
            ctx.meta[_HINT] = hint_of_slots(chosen)
            known = [flag for param in self.get_params(ctx) for flag in (*param.opts, *param.secondary_opts)]
            args, ctx.meta[_UNKNOWN] = without_unknown(args, known, words.variant)
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the fixed options and those of the chosen parts."""
        made = [option for group in ctx.meta.get(_GROUPS, ()) for option in group.options]
        return [*super().get_params(ctx), *made]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by component and package."""
        self._section(ctx, formatter, "Options", super().get_params(ctx))
        for group in ctx.meta.get(_GROUPS, ()):
            self._section(ctx, formatter, group.title, group.options)
        if ctx.meta.get(_HINT):
            formatter.write_paragraph()
            formatter.write_text(ctx.meta[_HINT])
        if _GROUPS not in ctx.meta:
            formatter.write_paragraph()
            formatter.write_text(
                "The other options are those of the parts that a variant has: `ganzoo train VARIANT --help` "
                f"shows them. Variants: {', '.join(installed().names('variant'))}."
            )

    def _section(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
        title: str,
        params: Sequence[click.Parameter],
    ) -> None:
        options = [param for param in params if isinstance(param, click.Option)]
        records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


@click.command(cls=TrainCommand, options_metavar="[OPTIONS]")
@click.argument("variant", required=False, metavar="VARIANT")
@click.option(
    "--preset",
    type=click.Choice(PRESETS),
    help="The best settings we know, or the source's own.",
)
@click.option("--config", metavar="FILE", help="Repeat the choices of a RUN/config.json; other options overrule it.")
@click.option(
    "--resume", is_flag=True, help="Go on from the newest valid save in the run folder, or start if there is none."
)
@click.option("--dry-run", is_flag=True, help="Check that everything fits, and train nothing.")
def train(
    variant: str | None, preset: str | None, config: str | None, resume: bool, dry_run: bool, **flags: Any
) -> int:
    """Train VARIANT and write a run folder: the model, its configuration, metrics and pictures.

    Without --dataset it trains on the data that the variant names.
    """
    file = read_config(config) if config else {}
    registry = installed()
    name = variant or str(file.get("variant") or "")
    refuse_no_variant(registry, name)
    unknown = click.get_current_context().meta.get(_UNKNOWN, [])
    try:
        selection = select(registry, name, flags, preset, file)
    except Refused as refused:
        raise Refused([*unknown, *refused.problems]) from refused
    if unknown:
        raise Refused(unknown)
    # torch is imported only now: everything that can be told from names has been told.
    from ganzoo.engine.assembly import assemble
    from ganzoo.engine.observers.progress import ProgressDisplay
    from ganzoo.engine.run import train as train_selection

    # torch clears every error that is raised while its C code imports numpy.
    raise_overdue()
    if dry_run:
        assemble(selection)
        click.echo("everything fits", err=True)
        return 0
    run = train_selection(selection, [ProgressDisplay()], resume)
    if not run.leads:
        return 0 if run.finished else SIGNALLED + (run.signal or signal.SIGINT)
    path = run.folder.path
    if not run.finished:
        click.echo(f"stopped after {run.steps} steps, and saved; to go on:", err=True)
        again = ["ganzoo", "train", "--config", str(run.folder.config), "--out", str(path), "--resume"]
        click.echo(f"  {shlex.join(again)}", err=True)
    click.echo(f"model: {run.folder.model}", err=True)
    if run.folder.best.exists():
        click.echo(f"best model by its figures: {run.folder.best}", err=True)
    click.echo(f"pictures: {run.folder.samples}, {run.folder.animation}, {run.folder.curves}", err=True)
    click.echo(f"sample it: {shlex.join(['ganzoo', 'sample', str(path)])} --out samples.png", err=True)
    return 0 if run.finished else SIGNALLED + (run.signal or signal.SIGINT)


def _without_repeats(found: Any) -> list[Group]:
    """Keep the first of several options with one flag: two components of a kind may share an option's name."""
    seen: set[str] = set()
    kept = []
    for group in found:
        options = []
        for option in group.options:
            flags = set(option.opts)
            if not flags & seen:
                options.append(option)
            seen |= flags
        kept.append(Group(group.title, options))
    return kept
