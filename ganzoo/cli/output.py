"""Writing for people on a terminal, and plain lines or JSON for everything else."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from ganzoo.catalogue.registry import Registry
from ganzoo.text import printable, warn


def tell(text: str = "", err: bool = False) -> None:
    """Print lines for people; what a file, a plugin or a name brought along cannot command their terminal."""
    click.echo("\n".join(map(printable, text.split("\n"))), err=err)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal, or one line a row with tabs between the cells."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(map(printable, row)))
        return
    # Imported here: a pipe has no use for it.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*headings, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def warn_of_broken(registry: Registry) -> None:
    """Say on stderr which plugins were set aside."""
    for plugin in registry.broken:
        warn(f"plugin {plugin.provider.plugin!r} of {plugin.provider} was set aside: {plugin.cause}")
