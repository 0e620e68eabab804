"""`ganzoo list`: names, kinds and packages, as a table and as JSON."""

from __future__ import annotations

import contextlib
import io

import pytest

from ganzoo.catalogue import KINDS, installed
from ganzoo.cli.output import print_table
from ganzoo.testing.command_lines import document, ganzoo, lacks

ENTRIES = list(installed())


def test_list_tells_all_with_their_packages() -> None:
    told = document("list")
    assert [(entry["kind"], entry["name"]) for entry in told] == [(e.item.kind, e.item.name) for e in ENTRIES]
    assert all(entry.keys() == {"kind", "name", "summary", "package", "version"} for entry in told)
    lines = ganzoo("list").out.splitlines()
    assert [line.split("\t")[:3] for line in lines] == [[e["kind"], e["name"], e["summary"]] for e in told]
    assert [line.split("\t")[3] for line in lines] == [f"{e['package']} {e['version']}" for e in told]


@pytest.mark.parametrize("kind", KINDS)
def test_list_of_one_kind(kind: str) -> None:
    assert [entry["name"] for entry in document("list", kind)] == list(installed().names(kind))
    answer = ganzoo("list", kind)
    assert {line.split("\t")[0] for line in answer.out.splitlines()} == ({kind} if installed().names(kind) else set())
    assert (f"no {kind} is installed" in answer.err) == (not installed().names(kind))


def test_the_help_text_of_list_names_every_kind() -> None:
    assert lacks(" ".join(ganzoo("list", "--help").out.split()), tuple(KINDS)) == []


def test_a_table_on_a_terminal_has_headings() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    with contextlib.redirect_stdout(Terminal()) as out:
        print_table(("kind", "name"), [("loss", "hinge"), ("loss", "[bold]")])
    assert lacks(out.getvalue(), ("kind", "name", "hinge", "[bold]")) == []
    assert "\t" not in out.getvalue()
