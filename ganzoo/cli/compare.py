"""``ganzoo compare``."""

from __future__ import annotations

from pathlib import Path

import click

from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath
from ganzoo.cli.output import print_json, print_table
from ganzoo.report.record import read_runs
from ganzoo.report.table import as_json, as_table
from ganzoo.text import warn


@click.command(cls=HelpCommand)
@click.argument("runs", nargs=-1, required=True, type=UserPath(), metavar="RUN…")
@click.option("--json", "as_document", is_flag=True, help="Print one JSON document.")
def compare(runs: tuple[Path, ...], as_document: bool) -> None:
    """Show what differs between runs, and their figures, in a table.

    RUN is the folder of a training. `ganzoo report` shows the same as a page, with curves and samples.
    """
    records = read_runs(runs)
    if as_document:
        print_json(as_json(records))
        return
    for record in records:
        for note in record.notes:
            warn(f"{record.name}: {note}")
    print_table(*as_table(records))
