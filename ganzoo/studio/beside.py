"""Real examples beside generated ones: those of the same condition, or the nearest ones, which show memorised data."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ganzoo.contract.field_values import values_of
from ganzoo.contract.judge import Examples
from ganzoo.drawing import MIN_TILE, grid, png
from ganzoo.errors import UserError
from ganzoo.evaluation.reference_data import ReferenceData, check_output
from ganzoo.pictures import words_of
from ganzoo.storage.files import make_folder, write_atomically
from ganzoo.studio.evaluation import choose_plan, usual_root
from ganzoo.studio.export import Look, write_errors
from ganzoo.studio.model import Model

GROUP = 256  # examples that are compared with all real ones together
PAIRS = 4  # beside each other in a picture


@dataclass(frozen=True)
class Beside:
    """A real example (B, …) for each generated one, and what stands above it."""

    examples: Tensor
    titles: list[str]


def training_data(model: Model, dataset: str | None = None, data_root: Path | None = None) -> Examples:
    """Return the examples that ``model`` was trained on, or those of the training part of ``dataset``, on the CPU.

    Of very large data, a random part is read. Raises :class:`UserError` if it is not like the data of the model.
    """
    plan = choose_plan(model, model.registry, dataset, (), None, {})
    data = ReferenceData(plan, data_root or usual_root(model), torch.device("cpu"), model.condition)
    check_output(plan.dataset, data.spec, model.output, None)
    return data.train


def nearest(made: Tensor, data: Examples) -> Beside:
    """Return the real example that is nearest to each of ``made`` (B, …), by the mean squared difference.

    For images this is a distance of pixels, from 0 to 4. It stands above the example.
    """
    real = data.values.flatten(1)
    places = torch.cat([torch.cdist(some, real).argmin(dim=1) for some in made.flatten(1).split(GROUP)])
    # Again, as the distances of many pairs are rounded.
    errors = (made - data.values[places]).flatten(1).square().mean(dim=1)
    return Beside(data.values[places], [f"nearest {error:.3f}" for error in errors.tolist()])


def same_condition(conditions: Tensor | None, count: int, data: Examples) -> Beside:
    """Return a real example for each of ``count`` generated ones: one with its condition, where there is one.

    Several of one condition get different examples, as far as there are enough.
    """
    if conditions is None or data.conditions is None:
        return Beside(data.values[torch.arange(count) % len(data)], ["real"] * count)
    known, asked = (each.reshape(len(each), -1).float() for each in (data.conditions, conditions))
    every, taken = torch.arange(len(data)), Counter[tuple[float, ...]]()
    places = []
    for condition in asked:
        same, key = every[(known == condition).all(dim=1)], tuple(condition.tolist())
        places.append(int(same[taken[key] % len(same)]) if len(same) else -1)
        taken[key] += 1
    examples = data.values[torch.tensor(places)]
    missing = torch.tensor(places) < 0
    examples[missing] = 0.0
    return Beside(examples, ["none" if gone else "real" for gone in missing.tolist()])


def write_beside(
    out: Path,
    model: Model,
    made: Tensor,
    conditions: Tensor | None,
    look: Look,
    way: str,
    dataset: str | None = None,
    data_root: Path | None = None,
) -> None:
    """Write a ``.png`` of pairs: a generated example, and the ``nearest`` or a ``real`` one of the same condition.

    ``look`` says how many pairs stand beside each other, and how large their images are at least. Raises
    :class:`UserError` for examples that are no images, and where the data does not fit.
    """
    values = values_of(model.output)
    if not values.tiled:
        raise UserError(f"--beside is for images, and this model generates {model.output.describe()}")
    data = training_data(model, dataset, data_root)
    beside = nearest(made, data) if way == "nearest" else same_condition(conditions, len(made), data)
    words = words_of(conditions, model.condition) or ["sample"] * len(made)
    pairs = torch.stack([values.tiles(made), values.tiles(beside.examples)], dim=1).flatten(0, 1)
    titles = [title for pair in zip(words, beside.titles, strict=True) for title in pair]
    across = 2 * min(len(made), look.columns or PAIRS)
    picture = png(grid(pairs, across, titles=titles, least=look.enlarge or 2 * MIN_TILE))
    with write_errors(out):
        make_folder(out.parent)
        write_atomically(out, picture)
