"""The text of docs/gallery.md: one grid of each variant, from the results of gallery.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tables
from tables import Result

from ganzoo.catalogue import Registry

HEAD = """# Gallery

One grid for each variant: the first hundred examples of seed 0 after the training that is shown, none chosen.
`python benchmarks/gallery.py` trains, draws and judges them, and `python benchmarks/page.py` writes this page.

`FD` is the distance between a classifier's features of samples and of test images, `accuracy` the share of samples that
it assigns to the class that was asked for, and `coverage` the share of test images with a sample nearby. The time is
that of the training's steps. [Which GAN for what](which.md) compares the variants in words."""
SHOWN = ("accuracy", "FD", "coverage")


def page(found: Sequence[Result], own: Registry) -> str:
    """Return the text of the page; a variant without a result says so."""
    rows = {row["variant"]: (row, result["machine"]) for result in found for row in result["results"]}
    lines = [HEAD]
    for name in own.names("variant"):
        lines += ["", f"## {name}", "", f"{own.variant(name).summary[0].upper()}{own.variant(name).summary[1:]}.", ""]
        lines += _shown(*rows[name]) if name in rows else [f"{tables.MISSING.capitalize()}."]
    return "\n".join(lines) + "\n"


def _shown(row: Mapping[str, Any], machine: Mapping[str, Any]) -> Iterator[str]:
    figures = [f"{name} {_value(name, row['figures'][name])}" for name in SHOWN if name in row["figures"]]
    beside = f" beside {row['beside']} others" if "beside" in row else ""
    where = machine["device"] if tables.on_gpu(machine) else tables.about(machine)
    about = f"{row['steps']:,} steps in {row['seconds']:,.0f} s{beside} ({where})"
    yield f"`{row['command']}`: {'; '.join([about, ', '.join(figures)]) if figures else about}."
    yield ""
    yield f"![](pictures/gallery-{row['variant']}.png)"


def _value(name: str, value: float) -> str:
    return f"{value:.3g}" if name == "FD" else f"{value:.1%}"
