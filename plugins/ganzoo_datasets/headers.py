"""What the headers of a folder's images say, in sentences for the user."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence

from ganzoo.plugin import counted
from ganzoo_datasets.images import Header

SHOWN = 4  # sizes, modes and formats in a sentence


def header_notes(headers: Sequence[Header]) -> Iterator[str]:
    """Yield the sizes, modes and formats of images; there may be none."""
    if not headers:
        return
    sizes = Counter(f"{one.width}×{one.height}" for one in headers)
    sides = sorted(min(one.width, one.height) for one in headers)
    several = ""
    if len(sizes) > 1:
        several = f"; shorter sides from {sides[0]} to {sides[-1]}, median {statistics.median_low(sides)}"
    yield f"sizes: {counted(dict(sizes.most_common()), SHOWN)}{several}"
    yield f"modes: {counted(dict(Counter(one.mode for one in headers).most_common()), SHOWN)}"
    yield f"formats: {counted(dict(Counter(one.format for one in headers).most_common()), SHOWN)}"
