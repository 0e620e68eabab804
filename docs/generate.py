"""Write the pages that the code tells, such as docs/reference.md, and docs/trust.md from the promises."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import api_page
import contract_page
import networks_page
import promises
import systems_page
import which_page

from ganzoo.catalogue import Component, Registry, installed, select
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.settings import RunSettings
from ganzoo.cli import cli

REFERENCE = Path(__file__).with_name("reference.md")
OWN = "ganzoo"
COMMANDS = tuple(cli.commands)


def reference() -> str:
    """Return the text of docs/reference.md for ganzoo's own plugins."""
    own = own_registry()
    lines = ["# Reference", "", "Made by `make docs` from the declarations; a test keeps it equal to them.", ""]
    lines += ["## Commands", ""]
    for name in COMMANDS:
        lines += [f"### ganzoo {name}", "", "```text", *_help(name), "```", ""]
    lines += ["## Options of every training", "", *_settings(), ""]
    lines += ["## Components", ""]
    for kind, declared in own.kinds.items():
        meaning = declared.summary
        names = own.names(kind)
        if names:
            lines += [f"### {kind}", "", f"{meaning[0].upper()}{meaning[1:]}.", "", *_table(own, kind, names), ""]
    return "\n".join(lines)


def own_registry() -> Registry:
    """Return the declarations of ganzoo's own plugins."""
    return installed().of_package(OWN)


def _settings() -> Iterator[str]:
    """Yield a table of the options that belong to no component, and what else `ganzoo train` takes."""
    yield (
        "`ganzoo train VARIANT --help` shows them with the options of the chosen parts, which begin with the name of a "
        "slot or a kind: `--optimizer-lr 1e-4`, `--generator-widths 128,256`. A run may be resumed with another value "
        "of an option that may change."
    )
    yield ""
    yield "| option | default | what it is | may change |"
    yield "|---|---|---|---|"
    for option in options_of(RunSettings):
        value = "" if option.type is bool else f" {option.metavar.replace('|', ' or ')}"
        changes = "yes" if option.changeable else "no"
        yield f"| `--{option.flag}{value}` | {option.show(option.default)} | {option.help} | {changes} |"
    yield ""
    yield (
        "`--SLOT NAME`, such as `--loss hinge`, chooses a component for a slot or for all slots of a kind. "
        "`--from MODEL` and `--SLOT-from MODEL` start with the weights of another model."
    )


def _help(name: str) -> list[str]:
    command = cli.commands[name]
    # With the settings of the group, so that -h is in every help text.
    parent = cli.context_class(cli, info_name="ganzoo", terminal_width=80, **cli.context_settings)
    with command.context_class(command, info_name=name, parent=parent) as context:
        return command.get_help(context).splitlines()


def _table(own: Registry, kind: str, names: tuple[str, ...]) -> Iterator[str]:
    yield "| name | what it is | options (defaults) | source |"
    yield "|---|---|---|---|"
    for name in names:
        item = own.entry(kind, name).item
        yield f"| `{name}` | {item.summary} | {_options(own, item)} | {item.source} |"


def _options(own: Registry, item: object) -> str:
    if not isinstance(item, Component):
        parts = select(own, item.name).parts  # type: ignore[attr-defined]
        return ", ".join(f"{slot} `{part.component.name}`" for slot, part in parts.items())
    shown = [f"`{option.flag}` {option.show(option.default)}" for option in options_of(item.config)]
    return ", ".join(shown)


if __name__ == "__main__":
    REFERENCE.write_text(reference(), encoding="utf-8")
    contract_page.PAGE.write_text(contract_page.page(), encoding="utf-8")
    which_page.PAGE.write_text(which_page.page(own_registry()), encoding="utf-8")
    systems_page.PAGE.write_text(systems_page.page(own_registry()), encoding="utf-8")
    networks_page.PAGE.write_text(networks_page.page(own_registry()), encoding="utf-8")
    api_page.PAGE.write_text(api_page.page(), encoding="utf-8")
    promises.PAGE.write_text(promises.page(promises.read()), encoding="utf-8")
