"""The order of the classes of a model that exists, for data that now has the same classes in another order.

Weights belong to the numbers of classes. A folder that is listed in another order, or on another system, must not give
a number to another class.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.dataset import Dataset
from ganzoo.text import normal

Renumbering = Mapping[str, Tensor]
"""For each field of one dataset, the new number of every class by its number."""


def in_known_order(spec: DataSpec, known: Mapping[str, Field]) -> DataSpec:
    """Return ``spec`` with the classes in the order of the fields ``known``, where these have the same classes.

    >>> spec = DataSpec({"label": Field("class", classes=3, names=("1", "2", "10"))}, target="label")
    >>> in_known_order(spec, {"label": Field("class", classes=3, names=("1", "10", "2"))}).fields["label"].names
    ('1', '10', '2')
    """
    fields = {name: known[name] if _same(field, known.get(name)) else field for name, field in spec.fields.items()}
    return replace(spec, fields=fields)


def renumbering(delivered: DataSpec, wanted: DataSpec) -> dict[str, Tensor]:
    """Return how the classes that a dataset delivers are numbered in ``wanted``; empty if they have these numbers."""
    tables = {}
    for name, field in delivered.fields.items():
        if field.names != wanted.fields[name].names:
            names = [normal(one) for one in wanted.fields[name].names]
            tables[name] = torch.tensor([names.index(normal(one)) for one in field.names])
    return tables


def _same(field: Field, known: Field | None) -> bool:
    """Return whether two fields have the same classes, in whatever order and form of Unicode."""
    if known is None or not field.classes or not field.names:
        return False
    ours, theirs = ([normal(name) for name in one.names] for one in (field, known))
    return sorted(ours) == sorted(theirs) and len(set(ours)) == len(ours)


@final
class Renumbered(Dataset):
    """A dataset whose classes have other numbers."""

    def __init__(self, dataset: Dataset, tables: Renumbering):
        self._dataset, self._tables = dataset, tables

    def __len__(self) -> int:
        return len(self._dataset)

    def notes(self) -> Sequence[str]:
        """Return those of the dataset, and that the order is not its own."""
        return (*self._dataset.notes(), "the classes are in the order of the model that this training goes on from")

    def identities(self) -> Iterable[bytes]:
        """Return those of the dataset."""
        return self._dataset.identities()

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the fields of the dataset, with the new numbers."""
        fields = self._dataset.read(indices)
        return {**fields, **{name: table[fields[name]] for name, table in self._tables.items()}}
