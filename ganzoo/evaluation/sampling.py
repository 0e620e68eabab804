"""Making examples with a recipe, as many as are wanted."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.contract.judge import Track, untracked
from ganzoo.contract.recipe import Recipe
from ganzoo.randomness import KeyedStreams

CHUNK = 256  # examples made at once, so that any number fits in memory


def make_examples(recipe: Recipe, count: int, conditions: Tensor | None, seed: int, track: Track = untracked) -> Tensor:
    """Return ``count`` examples (count, \\*X) of ``conditions`` (count, …), float32, on the recipe's device.

    The same seed gives the same examples. The recipe must be in evaluation mode.
    """
    device = next(recipe.parameters()).device
    streams = KeyedStreams(seed)
    starts = range(0, count, CHUNK)
    made: Tensor | None = None
    with torch.no_grad():
        for start in track(starts, "making examples", len(starts)):
            size = min(CHUNK, count - start)
            chosen = conditions[start : start + size].to(device) if conditions is not None else None
            streams.begin(start)
            some = recipe.sample(size, chosen, streams.at("sample")).float()
            # One tensor that is filled, for many parts joined at the end would need twice the memory.
            made = some.new_empty((count, *some.shape[1:])) if made is None else made
            made[start : start + size] = some
    assert made is not None, "a sample of none"
    return made
