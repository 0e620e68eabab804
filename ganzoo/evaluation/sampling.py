"""Generates any number of examples with a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    noise: Tensor | None = None,
) -> Tensor:
    """Return ``count`` generated examples (count, \\*X), float32, on its device, as :func:`generate_chunks` does."""
    examples: Tensor | None = None
    for start, chunk in generate_chunks(recipe, count, conditions, seed, track, controls, output, noise):
        # One tensor that is filled: a concatenation at the end would need twice the memory.
        examples = chunk.new_empty((count, *chunk.shape[1:])) if examples is None else examples
        examples[start : start + len(chunk)] = chunk
    assert examples is not None, "count must be positive"
    return examples


def generate_chunks(
    recipe: Recipe,
    count: int,
    conditions: Tensor | None,
    seed: int,
    track: Track = untracked,
    controls: Mapping[str, Tensor] = MappingProxyType({}),
    output: str = "",
    noise: Tensor | None = None,
) -> Iterator[tuple[int, Tensor]]:
    """Yield generated examples (B, \\*X) with the number of the first, for ``conditions`` (count, …), float32.

    ``controls`` (count, …) are values of the recipe's controls by name; the others are drawn at random. The random
    numbers of an example follow from ``seed`` and its number, whatever ``count`` is; ``noise`` (count, …) takes their
    place. ``output`` names one of the recipe's outputs. The recipe must be in evaluation mode.
    """
    device = next(recipe.parameters()).device
    starts = range(0, count, CHUNK)
    for start in track(starts, "generating examples", len(starts)):
        rows = slice(start, min(start + CHUNK, count))
        condition = conditions[rows].to(device) if conditions is not None else None
        chosen = {name: values[rows].to(device) for name, values in controls.items()}
        draws = ExampleDraws(seed, "sample", range(rows.start, rows.stop))
        given = noise[rows] if noise is not None else None
        request = SampleRequest(rows.stop - rows.start, condition, draws, chosen, output, given)
        with torch.no_grad():
            chunk = recipe.sample(request).float()
        yield start, chunk
