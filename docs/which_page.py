"""Write docs/which.md: which GAN is for what, from the declarations of the variants."""

from __future__ import annotations

from pathlib import Path

from ganzoo.catalogue import Registry, Variant

PAGE = Path(__file__).with_name("which.md")
HEAD = """# Which GAN for what

Made by `make docs` from the declarations; a test keeps it equal to them. `ganzoo info NAME` says more, and
[the gallery](gallery.md) has one grid of each.

Begin with `cgan` or `cgan-conv` for labelled images of up to 32 pixels, with `dcgan` for larger ones, and with `gan`
for points. Take another one for a reason in this table.
"""


def page(own: Registry) -> str:
    """Return the text of the page for the variants of a registry."""
    lines = [HEAD, "| variant | good for | beware | published | measured here |", "|---|---|---|---|---|"]
    for name in own.names("variant"):
        variant: Variant = own.variant(name)
        cells = (f"`{name}`: {variant.summary}", variant.strengths, variant.pitfalls, variant.figures, variant.proof)
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join([*lines, ""])
