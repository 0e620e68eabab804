"""`ganzoo plugins`: which package provides what."""

from __future__ import annotations

from ganzoo.catalogue import installed
from ganzoo.testing.command_lines import document, ganzoo

ENTRIES = list(installed())


def test_plugins_tells_who_provides_what() -> None:
    told = document("plugins")
    assert {plugin["plugin"] for plugin in told if plugin["package"] == "ganzoo"} >= {
        "gan",
        "cgan",
        "dcgan",
        "datasets",
    }
    assert {name for plugin in told for name in plugin["provides"]} == {
        *(f"{e.item.kind} {e.item.name}" for e in ENTRIES),
        "field type video",
        "kind text-encoder",
    }
    lines = ganzoo("plugins").out.splitlines()
    assert [line.split("\t")[0] for line in lines] == [plugin["plugin"] for plugin in told]
