"""``ganzoo report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ganzoo.catalogue import installed
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.models import UserPath
from ganzoo.cli.output import tell, tell_loading
from ganzoo.errors import UserError
from ganzoo.report.record import RunRecord, read_runs
from ganzoo.storage.files import write_atomically
from ganzoo.text import warn

if TYPE_CHECKING:
    from ganzoo.report.page import Made

SUFFIXES = (".html", ".htm")


@click.command(cls=HelpCommand)
@click.argument("runs", nargs=-1, required=True, type=UserPath(), metavar="RUN…")
@click.option(
    "--out",
    type=UserPath(),
    metavar="FILE.html",
    help="The page; without it, report.html in the folder of a single run, or in this folder for several.",
)
def report(runs: tuple[Path, ...], out: Path | None) -> None:
    """Write one page about a run, or about several side by side.

    The page is one file that loads nothing from the network: the samples at every step, curves, figures with those of
    real examples, parameters, and how to repeat the run. Of several runs it shows what differs, the curves over each
    other, and samples from the same noise. A training writes that of its own run as RUN/report.html.
    """
    records = read_runs(runs)
    target = _target(records, out)
    same_noise = _same_noise(records) if len(records) > 1 else {}
    # Imported here, as it takes a moment: problems that need no page have been reported by now.
    from ganzoo.report.page import page

    html, notes = page(records, same_noise)
    for note in notes:
        warn(note)
    write_atomically(target, html)
    tell(f"report: {target}", err=True)


def _target(records: list[RunRecord], out: Path | None) -> Path:
    if out is None:
        return records[0].folder.report if len(records) == 1 else Path("report.html")
    if out.suffix.lower() not in SUFFIXES:
        raise UserError(f"--out {str(out)!r} is no page: give a name that ends with .html")
    if out.is_dir():
        raise UserError(f"{out} is a folder: choose another --out")
    if not out.parent.is_dir():
        raise UserError(f"the folder {out.parent} does not exist: make it, or choose another --out")
    return out


def _same_noise(records: list[RunRecord]) -> dict[str, Made]:
    tell_loading(f"report on {len(records)} runs")
    from ganzoo.studio.same_noise import same_noise

    return {record.name: same_noise(record.folder.path, installed()) for record in records}
