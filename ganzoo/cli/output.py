"""Output for people on a terminal, and plain lines or JSON for pipes and files."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from ganzoo.catalogue.registry import Registry
from ganzoo.text import fitted, printable, terminal_width, warn

GAP = 2  # columns of a terminal between two columns of a table

Row = Sequence[str]


def tell(text: str = "", err: bool = False, wrap: bool = True) -> None:
    """Print lines, without control characters that a file, a plugin or a name may contain.

    On a terminal they wrap between words, unless ``wrap`` is false: a command to copy must stay in one piece.
    """
    stream = sys.stderr if err else sys.stdout
    lines = map(printable, text.split("\n"))
    click.echo("\n".join(fitted(line, stream) if wrap else line for line in lines), err=err)


def tell_loading(what: str) -> None:
    """Say on stderr what begins, as torch takes seconds to load; nothing if it is loaded already.

    Of several processes that torchrun started, only the first one says it.
    """
    if "torch" not in sys.modules and os.environ.get("RANK", "0") == "0":
        tell(f"{what}: loading torch", err=True)


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(value, indent=2))


def print_raw(text: str) -> None:
    """Print text for a program, such as a shell, on stdout, as it is."""
    click.echo(text)


def print_table(headings: Row, rows: Sequence[Row]) -> None:
    """Print a table that fits the terminal, or, into a pipe, one line for each row with tabs between the cells."""
    shown = [tuple(map(printable, row)) for row in rows]
    if not sys.stdout.isatty():
        for row in shown:
            click.echo("\t".join(row))
        return
    widths = _column_widths([headings, *shown], terminal_width(sys.stdout))
    if widths:
        _print_columns(headings, shown, widths)
        return
    # The longest words do not fit beside each other: each row becomes a paragraph, one line for each cell.
    for row in shown:
        for heading, cell in zip(headings, row, strict=True):
            tell(f"{heading}: {cell}")
        tell()


def _column_widths(rows: Sequence[Row], width: int) -> list[int]:
    """Return column widths in which no word is cut, or nothing where these exceed ``width`` columns of a terminal."""
    from rich.cells import cell_len

    columns = list(zip(*rows, strict=True))
    least = [max(cell_len(word) for cell in column for word in (*cell.split(), "")) for column in columns]
    whole = [max(map(cell_len, column)) for column in columns]
    free = width - GAP * (len(columns) - 1) - sum(least)
    if free < 0:
        return []
    # The narrowest columns get what they need first; the others share the rest.
    widths = list(least)
    by_need = sorted(range(len(columns)), key=lambda place: whole[place] - least[place])
    for done, place in enumerate(by_need):
        more = min(whole[place] - least[place], free // (len(columns) - done))
        widths[place] += more
        free -= more
    return widths


def _print_columns(headings: Row, rows: Sequence[Row], widths: Sequence[int]) -> None:
    # Imported here: a pipe does not need it.
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, GAP, 0, 0))
    for width in widths:
        table.add_column(width=width, overflow="fold")
    table.add_row(*(Text(heading, style="bold") for heading in headings))
    table.add_row(*("─" * width for width in widths))
    for row in rows:
        table.add_row(*map(Text, row))
    Console(width=sum(widths) + GAP * len(widths)).print(table)


def warn_of_broken(registry: Registry) -> None:
    """Report on stderr which plugins were set aside."""
    for plugin in registry.broken:
        warn(f"plugin {plugin.provider.plugin!r} of {plugin.provider} was set aside: {plugin.cause}")
