"""Generates any number of examples with a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor

from ganzoo.contract.judge import Track, untracked
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.randomness import ExampleDraws

CHUNK = 256  # examples that are generated together, so that any number fits in memory


def generate_examples(
    recipe: Recipe,
    count: int,
    conditions: Tensor | None,
    seed: int,
    track: Track = untracked,
    controls: Mapping[str, Tensor] = MappingProxyType({}),
    output: str = "",
) -> Tensor:
    """Return ``count`` generated examples (count, \\*X) for ``conditions`` (count, …), float32, on the recipe's device.

    ``controls`` (count, …) are values of the recipe's controls by name; the others are drawn at random. The random
    numbers of an example follow from ``seed`` and its number, whatever ``count`` is. ``output`` names one of the
    recipe's outputs. The recipe must be in evaluation mode.
    """
    device = next(recipe.parameters()).device
    starts = range(0, count, CHUNK)
    examples: Tensor | None = None
    with torch.no_grad():
        for start in track(starts, "generating examples", len(starts)):
            size = min(CHUNK, count - start)
            condition = conditions[start : start + size].to(device) if conditions is not None else None
            chosen = {name: values[start : start + size].to(device) for name, values in controls.items()}
            draws = ExampleDraws(seed, "sample", range(start, start + size))
            chunk = recipe.sample(SampleRequest(size, condition, draws, chosen, output)).float()
            # One tensor that is filled: a concatenation at the end would need twice the memory.
            examples = chunk.new_empty((count, *chunk.shape[1:])) if examples is None else examples
            examples[start : start + size] = chunk
    assert examples is not None, "count must be positive"
    return examples
