"""``ganzoo list``."""

from __future__ import annotations

import sys

import click

from ganzoo.catalogue import installed
from ganzoo.catalogue.registry import Entry
from ganzoo.cli.candidates import every_kind
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.output import print_json, print_table, tell, warn_of_broken

HEADINGS = ("kind", "name", "summary", "package")


@click.command("list", cls=HelpCommand)
@click.argument("kind", required=False, shell_complete=every_kind)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_command(kind: str | None, as_json: bool) -> None:
    """List what is installed, with the package that provides it.

    With KIND, list only one kind. Kinds: variant, recipe, generator, discriminator, conditioner, loss, penalty,
    generator-penalty, latent, initialiser, optimizer, schedule, dataset, metric, judge, head, augmentation, network,
    observer.
    """
    registry = installed()
    if kind is not None:
        registry.names(kind)
    found = [entry for entry in registry if kind in (None, entry.item.kind)]
    warn_of_broken(registry)
    if as_json:
        print_json([entry.to_json() for entry in found])
        return
    if not found:
        tell(f"no {kind} is installed", err=True)
        return
    if not sys.stdout.isatty():
        print_table(HEADINGS, [(entry.item.kind, *_row(entry)) for entry in found])
        return
    by_kind: dict[str, list[Entry]] = {}
    for entry in found:
        by_kind.setdefault(entry.item.kind, []).append(entry)
    for name, entries in by_kind.items():
        tell(name if len(entries) == 1 else f"{name} ({len(entries)})")
        print_table(HEADINGS[1:], [_row(entry) for entry in entries])
        tell()


def _row(entry: Entry) -> tuple[str, str, str]:
    return entry.item.name, entry.item.summary, str(entry.provider)
