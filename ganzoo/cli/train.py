"""``ganzoo train``."""

from __future__ import annotations

import shlex
import signal
from typing import Any, final

import click

from ganzoo.catalogue import installed
from ganzoo.catalogue.selection import PRESETS
from ganzoo.cli.options import read_config, refuse_no_variant
from ganzoo.cli.output import tell
from ganzoo.cli.parts import PartsCommand, selected
from ganzoo.signals import SIGNALLED, raise_overdue


@final
class TrainCommand(PartsCommand):
    """Takes the variant as a word."""

    use = "train"
    example = f"ganzoo {use}"

    def variant_first(self, args: list[str]) -> list[str]:
        """Return the line as it is."""
        return args


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
    name = variant or str(file.get("variant") or "")
    refuse_no_variant(installed(), name, TrainCommand.use)
    selection = selected(name, flags, preset, file)
    # torch is imported only now: everything that can be told from names has been told.
    from ganzoo.assembly.dry_run import assemble
    from ganzoo.training.observers.progress import ProgressDisplay
    from ganzoo.training.run import train as train_selection

    # torch clears every error that is raised while its C code imports numpy.
    raise_overdue()
    if dry_run:
        assemble(selection)
        tell("everything fits", err=True)
        return 0
    run = train_selection(selection, [ProgressDisplay()], resume)
    status = 0 if run.finished else SIGNALLED + (run.signal or signal.SIGINT)
    if not run.is_first:
        return status
    path = run.folder.path
    if not run.finished:
        tell(f"stopped after {run.steps} steps, and saved; to go on:", err=True)
        again = ["ganzoo", "train", "--config", str(run.folder.config), "--out", str(path), "--resume"]
        tell(f"  {shlex.join(again)}", err=True)
    tell(f"model: {run.folder.model}", err=True)
    if run.folder.best.exists():
        tell(f"best model by its figures: {run.folder.best}", err=True)
    tell(f"pictures: {run.folder.samples}, {run.folder.animation}, {run.folder.curves}", err=True)
    tell(f"sample it: {shlex.join(['ganzoo', 'sample', str(path)])} --out samples.png", err=True)
    return status
