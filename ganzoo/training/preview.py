"""The same noise and conditions, drawn again and again while a training goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from ganzoo.batches.batches import Batches
from ganzoo.catalogue.data import Field
from ganzoo.contract.recipe import Batch, Recipe
from ganzoo.pictures import draw_examples
from ganzoo.randomness import KeyedStreams
from ganzoo.training.observers import Picture

CLASS_COLUMNS, ROWS, POINTS = 16, 8, 2000


@final
class Preview:
    """Fixed conditions and fixed noise for a recipe: one column a class, or an 8×8 grid, or a cloud of points."""

    def __init__(self, recipe: Recipe, batches: Mapping[str, Batches], seed: int, device: torch.device):
        self._seed = seed
        batch = {slot: found.get(0) for slot, found in batches.items()}
        self.count, self.columns = layout(recipe.output_field, recipe.condition_field)
        self.condition = self._fixed_condition(recipe, batch, device)
        if self.condition is not None:
            self.count = len(self.condition)
        self._real = _real_examples(recipe, batches)

    def draw(self, recipe: Recipe, step: int) -> Picture:
        """Sample ``recipe``, which is in evaluation mode, and draw what comes out."""
        with torch.no_grad():
            made = recipe.sample(self.count, self.condition, KeyedStreams(self._seed).at("preview")).cpu()
        shown = self.condition.cpu() if self.condition is not None else None
        image = draw_examples(made, recipe.output_field, shown, recipe.condition_field, self.columns, self._real)
        return Picture(step, image)

    def _fixed_condition(self, recipe: Recipe, batch: Batch, device: torch.device) -> Tensor | None:
        field = recipe.condition_field
        if field is None or recipe.condition is None:
            return None
        if field.kind == "class":
            return balanced_classes(field, self.count).to(device)
        given = batch[recipe.condition.slot][recipe.condition.field]
        return given[: self.count]


def _real_examples(recipe: Recipe, batches: Mapping[str, Batches]) -> Tensor:
    """Real examples to compare with: a batch, and of points as many as are made."""
    output, order = recipe.output, batches[recipe.output.slot].order
    wanted = POINTS if recipe.output_field.kind == "point" else order.batch_size
    numbers = range(min(order.per_epoch, -(-wanted // order.batch_size)))
    return torch.cat([batches[output.slot].get(number)[output.field].cpu() for number in numbers])[:wanted]


def layout(output: Field, condition: Field | None) -> tuple[int, int]:
    """Return how many examples a picture shows, and in how many columns."""
    if output.kind == "point":
        return POINTS, 1
    if condition is not None and condition.kind == "class":
        columns = min(condition.classes, CLASS_COLUMNS)
        return columns * max(ROWS, min(columns, 10)), columns
    return ROWS * ROWS, ROWS


def balanced_classes(field: Field, count: int) -> Tensor:
    """Return ``count`` class labels that go round and round, so that a grid has a column for each."""
    return torch.arange(count) % min(field.classes, CLASS_COLUMNS)
