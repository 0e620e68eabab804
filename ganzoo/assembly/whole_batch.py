"""Parts that compare all examples of a batch, which must not be divided then."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.assembly.parts import resolve
from ganzoo.catalogue.selection import Selection

KINDS_OF_BATCH = ("loss", "penalty")  # of parts that may declare that they need the whole batch


def undivided(selection: Selection, processes: int = 1) -> Iterator[str]:
    """Yield a sentence for each part that needs the whole batch, if passes or processes divide it."""
    if processes * selection.run.accumulate == 1:
        return
    for part in selection.parts.values():
        target = resolve(part.component, part.kind) if part.slot.kind in KINDS_OF_BATCH else None
        if getattr(target, "whole_batch", False):
            yield (
                f"{part.label} compares all examples of a batch, which cannot be divided then: leave out --accumulate, "
                "and train in one process"
            )
