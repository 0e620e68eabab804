"""``ganzoo list``."""

from __future__ import annotations

import click

from ganzoo.catalogue import installed
from ganzoo.cli.candidates import every_kind
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.output import print_json, print_table, tell, warn_of_broken


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
    rows = [(entry.item.kind, entry.item.name, entry.item.summary, str(entry.provider)) for entry in found]
    print_table(("kind", "name", "summary", "package"), rows)
