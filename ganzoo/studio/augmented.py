"""Pictures of what an augmentation makes of real examples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from ganzoo.assembly.parts import SelectedParts
from ganzoo.batches.reading import Receiver, length_of, read_checked
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.registry import Part
from ganzoo.contract.augmentation import Augmentation
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.field_values import values_of
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.randomness import ExampleDraws, key
from ganzoo.storage.files import make_folder, write_atomically


def write_augmented(
    out: Path, parts: Mapping[str, Part], spec: DataSpec, root: Path, count: int, draws: int, seed: int
) -> bool:
    """Write a picture of ``count`` examples and, below, of each ``draws`` changes; return whether any differs.

    ``parts`` has a dataset and an augmentation, by these words. Example and changes in a column do not depend on the
    number of columns and rows. Raises :class:`UserError` where the examples or ``out`` cannot be read or written.
    """
    built, owner = SelectedParts(parts), parts["dataset"].label
    dataset: Dataset = built.build("dataset", root=root)
    augmentation: Augmentation = built.build("augmentation")
    length = length_of(dataset, owner)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(key(seed, "augmented/examples")))
    chosen = order[torch.arange(count) % length]
    real = Receiver(spec)(read_checked(dataset, chosen, spec, owner))[spec.target]
    with torch.no_grad(), parts["augmentation"].attributed():
        changed = [augmentation(real, ExampleDraws(seed, f"augmented/{row}", range(count))) for row in range(draws)]
    values = values_of(spec.target_field)
    rows = torch.cat([real, *changed] if values.tiled else changed)
    picture = png(values.draw(rows, count, real=None if values.tiled else real))
    try:
        make_folder(out.parent)
        write_atomically(out, picture)
    except OSError as problem:
        raise UserError(f"{out} cannot be written: {problem.strerror or problem}; choose another --out") from problem
    return not all(torch.equal(real, rows) for rows in changed)
