"""``ganzoo plugins``."""

from __future__ import annotations

from collections import Counter

import click

from ganzoo.catalogue import installed
from ganzoo.catalogue.discovery import Plugin
from ganzoo.cli.help import HelpCommand
from ganzoo.cli.output import print_json, print_table


@click.command(cls=HelpCommand)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def plugins(as_json: bool) -> None:
    """Show plugins, what they provide, and why some were set aside.

    The environment variable GANZOO_PLUGINS is a list of plugins or packages, separated by commas. If it is set, only
    these are loaded, besides the files of --plugin.
    """
    found = installed().plugins
    if as_json:
        print_json(
            [
                {
                    "plugin": plugin.provider.plugin,
                    "package": plugin.provider.package,
                    "version": plugin.provider.version,
                    "provides": [f"{item.kind} {item.name}" for item in plugin.declarations],
                    "cause": plugin.cause,
                    "file": str(plugin.provider.file or ""),
                    "slow": plugin.slow,
                }
                for plugin in found
            ]
        )
        return
    rows = [
        (plugin.provider.plugin, str(plugin.provider.file or plugin.provider), _state(plugin) + _note(plugin))
        for plugin in found
    ]
    print_table(("plugin", "package", "provides"), rows)


def _state(plugin: Plugin) -> str:
    if plugin.cause:
        return f"set aside: {plugin.cause}" if plugin.allowed else plugin.cause
    kinds = Counter(item.kind for item in plugin.declarations)
    return ", ".join(f"{kind} {count}" for kind, count in kinds.items())


def _note(plugin: Plugin) -> str:
    return "; imports torch: listing takes longer" if plugin.slow else ""
