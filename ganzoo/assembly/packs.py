"""Parts that compare examples with each other: a batch is divided only between their packs."""

from __future__ import annotations

from collections.abc import Iterator

from ganzoo.assembly.parts import SelectedParts
from ganzoo.catalogue.settings import RunSettings
from ganzoo.contract.packs import WHOLE_BATCH, Packed


def broken_packs(parts: SelectedParts, settings: RunSettings, processes: int = 1) -> Iterator[str]:
    """Yield a sentence for each part that ``parts`` has built whose packs passes or processes would divide."""
    size, shares = settings.batch_size, processes * settings.accumulate
    for module, part in parts.modules():
        pack = module.pack if isinstance(module, Packed) else 1
        if pack == 1:
            continue
        if pack == WHOLE_BATCH and shares > 1:
            yield (
                f"{part.label} compares all examples of a batch, which cannot be divided then: leave out --accumulate, "
                "and train in one process"
            )
        elif pack != WHOLE_BATCH and size % (pack * shares):
            divided = f", divided into {shares} parts of one size," if shares > 1 else ""
            smallest = pack * shares
            yield (
                f"{part.label} compares {pack} examples at a time, and a batch of {size}{divided} has no whole number "
                f"of such packs: give --batch-size {max(smallest, size - size % smallest)}"
            )
