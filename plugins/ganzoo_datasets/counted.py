"""Random numbers of drawn examples: those of an example follow from a seed and its index alone."""

from __future__ import annotations

import numpy as np

from ganzoo.plugin import key
from ganzoo_datasets.drawing import Array


def uniform(seed: int, stream: str, indices: Array, draws: int) -> Array:
    """Return ``draws`` random numbers in [0, 1) for each example (B,), float64 (B, draws).

    SplitMix64 (Steele et al., "Fast Splittable Pseudorandom Number Generators", 2014), a hash of a counter.
    """
    counter: Array = indices.astype(np.uint64)[:, None] * np.uint64(draws) + np.arange(draws, dtype=np.uint64)
    mixed: Array = counter * np.uint64(0x9E3779B97F4A7C15) + np.uint64(key(seed, stream))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    numbers: Array = (mixed >> np.uint64(11)) * 2.0**-53
    return numbers
