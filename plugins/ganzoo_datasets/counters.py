"""Random numbers of drawn examples: determined by seed, stream and index, on every machine."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganzoo.plugin import key

Array = np.ndarray[Any, Any]


def uniform(seed: int, stream: str, indices: Array, many: int) -> Array:
    """Return ``many`` numbers in [0, 1) for each of ``indices`` (B,): (B, many) float64.

    SplitMix64 (Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014), a hash of a counter.

    >>> uniform(0, "faces", np.array([3, 4]), 2).tolist() == uniform(0, "faces", np.arange(9), 2)[3:5].tolist()
    True
    """
    counter: Array = indices.astype(np.uint64)[:, None] * np.uint64(many) + np.arange(many, dtype=np.uint64)
    mixed: Array = counter * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key(seed, stream))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    numbers: Array = (mixed >> np.uint64(11)) * 2.0**-53
    return numbers
