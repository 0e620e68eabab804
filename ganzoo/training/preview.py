"""Pictures of the same noise and conditions at different steps of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from PIL import Image
from torch import Tensor

from ganzoo.batches.batches import Batches
from ganzoo.catalogue.data import Field
from ganzoo.contract.field_values import values_of
from ganzoo.contract.recipe import Batch, Output, Recipe
from ganzoo.contract.sampling import SampleRequest
from ganzoo.drawing import stacked
from ganzoo.errors import UserError
from ganzoo.pictures import GROUPS, draw_examples
from ganzoo.randomness import KeyedStreams
from ganzoo.text import warn
from ganzoo.training.observers import Picture

CLASS_COLUMNS, ROWS = 16, 8
LIMIT = 1.01  # of what a generator of images makes


@final
class Preview:
    """Fixed noise and conditions for a recipe, and a picture of what it makes of them.

    It has a column for each class, or is an 8×8 grid, or a scatter plot of points. If the recipe has several outputs,
    their pictures are below each other.
    """

    def __init__(self, recipe: Recipe, batches: Mapping[str, Batches], seed: int, device: torch.device):
        batch = {slot: slot_batches.get(0) for slot, slot_batches in batches.items()}
        self._panels = [
            _Panel(recipe, name, output, batch, batches, seed, device) for name, output in recipe.outputs.items()
        ]

    def draw(self, recipe: Recipe, step: int) -> Picture:
        """Return a picture of samples of ``recipe``, which must be in evaluation mode."""
        return Picture(step, stacked([panel.draw(recipe) for panel in self._panels]))

    @property
    def label(self) -> str:
        """A condition of the picture as a word of a command line, or nothing if there is no such word."""
        return self._panels[0].label


@final
class _Panel:
    """The picture of one output of a recipe."""

    def __init__(
        self,
        recipe: Recipe,
        name: str,
        output: Output,
        batch: Batch,
        batches: Mapping[str, Batches],
        seed: int,
        device: torch.device,
    ):
        self._name, self._seed, self._warned = name, seed, False
        self._field = recipe.field(output.values)
        self._condition_field = recipe.field(output.condition) if output.condition else None
        self.count, self.columns = layout(self._field, self._condition_field)
        self.condition = self._fixed_condition(recipe, output, batch, device)
        if self.condition is not None:
            self.count = len(self.condition)
        self._real = _real_examples(output, self._field, batches)
        paired = output.condition is not None and recipe.data[output.condition.slot].paired
        self._truth = _truth(output, batch, self.count) if paired else None

    def draw(self, recipe: Recipe) -> Image.Image:
        """Return the picture."""
        draws = KeyedStreams(self._seed).at("preview")
        with torch.no_grad():
            request = SampleRequest(self.count, self.condition, draws, output=self._name)
            samples = recipe.sample(request).cpu()
        self._warn_if_unbounded(samples)
        condition = self.condition.cpu() if self.condition is not None else None
        return draw_examples(
            samples, self._field, condition, self._condition_field, self.columns, self._real, self._truth
        )

    @property
    def label(self) -> str:
        """The first condition of the picture as a word, if the word is read as that condition."""
        if self.condition is None or self._condition_field is None:
            return ""
        values, condition = values_of(self._condition_field), self.condition[0].cpu()
        word = values.word(condition)
        try:
            read = values.read(word) if word else None
        except UserError:
            return ""
        same = read is not None and read.shape == condition.shape and torch.allclose(read.float(), condition.float())
        return word if same else ""

    def _warn_if_unbounded(self, samples: Tensor) -> None:
        """Warn once if a generator leaves the range of images: pictures would be cut there, and losses see it."""
        largest = float(samples.abs().max())
        if self._field.bounded and largest > LIMIT and not self._warned:
            self._warned = True
            warn(
                f"the generator makes images with values up to {largest:.3g}, and images lie in [-1, 1]: "
                "end it with nn.Tanh"
            )

    def _fixed_condition(self, recipe: Recipe, output: Output, batch: Batch, device: torch.device) -> Tensor | None:
        if self._condition_field is None or output.condition is None:
            return None
        if self._condition_field.classes:
            return balanced_classes(self._condition_field, self.count).to(device)
        return recipe.values(output.condition, batch)[: self.count]


def _truth(output: Output, batch: Batch, count: int) -> Tensor | None:
    """Return the real outputs that belong to the conditions of the picture, if one dataset has both."""
    ref = output.condition
    if ref is None or ref.slot != output.values.slot:
        return None
    return batch[ref.slot][output.values.field][:count].cpu()


def _real_examples(output: Output, field: Field, batches: Mapping[str, Batches]) -> Tensor:
    """Return real examples for the picture: one batch, or as many points as are generated."""
    ref, order = output.values, batches[output.values.slot].order
    count = values_of(field).crowd or order.batch_size
    numbers = range(min(order.per_epoch, -(-count // order.batch_size)))
    return torch.cat([batches[ref.slot].get(number)[ref.field].cpu() for number in numbers])[:count]


def layout(output: Field, condition: Field | None) -> tuple[int, int]:
    """Return the number of examples in a picture, and the number of columns.

    >>> layout(Field("image", (1, 28, 28)), Field("class", classes=10))
    (100, 10)
    >>> layout(Field("image", (3, 64, 64)), None)
    (64, 8)
    """
    values = values_of(output)
    if values.crowd:
        return values.crowd, 1
    if condition is not None and values_of(condition).tiled:
        return ROWS * GROUPS, GROUPS
    if condition is not None and condition.classes:
        columns = min(condition.classes, CLASS_COLUMNS)
        return columns * max(ROWS, min(columns, 10)), columns
    return ROWS * ROWS, ROWS


def balanced_classes(field: Field, count: int) -> Tensor:
    """Return labels (count,) int64 that repeat all classes (at most 16), so that each class has a column of its own.

    >>> balanced_classes(Field("class", classes=3), 7)
    tensor([0, 1, 2, 0, 1, 2, 0])
    """
    return torch.arange(count) % min(field.classes, CLASS_COLUMNS)
