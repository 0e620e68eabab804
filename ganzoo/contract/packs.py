"""Parts that compare examples of a batch with each other, and how many."""

from __future__ import annotations

WHOLE_BATCH = 0
"""The ``pack`` of a part that compares all examples of a batch."""


class Packed:
    """A part that may compare ``pack`` examples at a time; 1 means that it looks at each example alone.

    A pack is examples that follow each other in the batch: the first pack is rows 0 to ``pack`` - 1. A batch is divided
    among passes (``--accumulate``) and processes only between two packs, and a batch size that is no multiple is
    refused. With :data:`WHOLE_BATCH` the batch is not divided at all. A constructor may set ``pack`` from its options.
    """

    pack: int = 1
