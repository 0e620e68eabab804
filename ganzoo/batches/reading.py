"""Reads examples from a dataset, and checks them against its data spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import final

from torch import Tensor

from ganzoo.catalogue.data import DataSpec
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.field_values import values_of
from ganzoo.errors import UserError
from ganzoo.fields.joined import JoinedValues
from ganzoo.text import message_of, one_line

CHUNK = 512  # examples
LONGEST_NOTE = 2000  # letters


@final
class Receiver:
    """Turns stored fields into what networks receive; made once for a data spec, because it is called in every step."""

    def __init__(self, spec: DataSpec):
        self._values = {name: values_of(field) for name, field in spec.fields.items()}
        several = len(spec.condition_names) > 1
        self._joined = {spec.condition: JoinedValues(spec.field(spec.condition))} if several else {}

    def __call__(self, stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return stored fields (B, …) as networks receive them; a condition of several fields is joined."""
        fields = {name: self._values[name].normalise(values) for name, values in stored.items()}
        return fields | {name: joined.join(fields) for name, joined in self._joined.items()}


def length_of(dataset: Dataset, owner: str) -> int:
    """Return the number of examples of ``dataset``; raises :class:`UserError` if it is 0, or if counting fails."""
    try:
        length = len(dataset)
    except Exception as problem:
        raise UserError(f"{owner} cannot count its examples: {message_of(problem)}") from problem
    if not length:
        raise UserError(f"{owner} has no examples: choose other options for it, or other data")
    return length


def described_examples(length: int, spec: DataSpec) -> str:
    """Return how many examples there are, and of what: ``1,797 1×16×16 images, 10 classes``."""
    condition = f", {spec.condition_field.describe()}" if spec.condition_field is not None else ""
    return f"{length:,} {spec.target_field.describe()}{condition}"


def notes_of(dataset: Dataset, owner: str) -> tuple[str, ...]:
    """Return the notes of ``dataset``; raises :class:`UserError` if it fails to give them."""
    try:
        return tuple(one_line(note, LONGEST_NOTE) for note in dataset.notes())
    except Exception as problem:
        raise UserError(f"{owner} cannot describe its examples: {message_of(problem)}") from problem


def read_in_chunks(
    dataset: Dataset, indices: Tensor, spec: DataSpec, owner: str
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield the examples at ``indices`` in chunks: a slice of ``indices``, and its fields; raises as read_checked.

    A dataset that decodes or draws its examples may need many times their memory, so they are not read all at once.
    """
    for start in range(0, len(indices), CHUNK):
        rows = slice(start, start + CHUNK)
        yield rows, read_checked(dataset, indices[rows], spec, owner)


def number_of_chunks(count: int) -> int:
    """Return in how many chunks ``count`` examples are read."""
    return -(-count // CHUNK)


def bytes_per_example(spec: DataSpec) -> int:
    """Return the bytes of one example as it is stored."""
    return sum(field.size * values_of(field).stored.itemsize for field in spec.fields.values())


def read_checked(dataset: Dataset, indices: Tensor, spec: DataSpec, owner: str) -> dict[str, Tensor]:
    """Return the fields at ``indices``; raises :class:`UserError`, naming ``owner``, if reading or a check fails."""
    try:
        fields = dataset.read(indices)
        check_fields(fields, spec, len(indices), owner)
    except UserError:
        raise
    except Exception as problem:
        raise UserError(f"{owner} cannot be read: {message_of(problem)}") from problem
    return fields


def check_fields(fields: Mapping[str, Tensor], spec: DataSpec, count: int, owner: str) -> None:
    """Raise :class:`UserError` if the fields of ``count`` examples do not match the data spec of their dataset."""
    if set(fields) != set(spec.fields):
        raise UserError(f"{owner} promised the fields {sorted(spec.fields)} and delivers {sorted(fields)}")
    for name, field in spec.fields.items():
        values, dtype = fields[name], values_of(field).stored
        promised = (count, *field.shape)
        if tuple(values.shape) != promised or values.dtype != dtype:
            found = f"{values.dtype} of shape {tuple(values.shape)}"
            raise UserError(f"{owner} promised {name} as {dtype} of shape {promised} and delivers {found}")
        if fault := values_of(field).fault(values):
            raise UserError(f"{owner} has in {name} {fault}")
