"""Reads examples from a dataset, and checks them against its data spec."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError
from ganzoo.text import message_of

CHUNK = 4096  # examples


def normalise(field: Field, values: Tensor) -> Tensor:
    """Return ``values`` in the form that networks receive: images (B, C, H, W) uint8 become float32 in [-1, 1].

    >>> normalise(Field("image", (1, 1, 3)), torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)).flatten()
    tensor([-1.0000, -0.6000,  1.0000])
    """
    if field.kind != "image":
        return values
    return values.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)


def length_of(dataset: Dataset, owner: str) -> int:
    """Return the number of examples of ``dataset``; raises :class:`UserError` if it is 0, or if counting fails."""
    try:
        length = len(dataset)
    except Exception as problem:
        raise UserError(f"{owner} cannot count its examples: {message_of(problem)}") from problem
    if not length:
        raise UserError(f"{owner} has no examples: choose other options for it, or other data")
    return length


def read_in_chunks(
    dataset: Dataset, indices: Tensor, spec: DataSpec, owner: str
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield the examples at ``indices`` in chunks: a slice of ``indices``, and its fields; raises as read_checked.

    A dataset that decodes or draws its examples may need many times their memory, so they are not read all at once.
    """
    for start in range(0, len(indices), CHUNK):
        rows = slice(start, start + CHUNK)
        yield rows, read_checked(dataset, indices[rows], spec, owner)


def bytes_per_example(spec: DataSpec) -> int:
    """Return the bytes of one example as it is stored."""
    widths = {"image": 1, "point": 4, "vector": 4, "class": 8, "tokens": 8}
    return sum(field.size * widths[field.kind] for field in spec.fields.values())


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
    dtypes = {"image": torch.uint8, "point": torch.float32, "vector": torch.float32}
    for name, field in spec.fields.items():
        values = fields[name]
        dtype = dtypes.get(field.kind, torch.int64)
        promised = (count, *field.shape)
        if tuple(values.shape) != promised or values.dtype != dtype:
            found = f"{values.dtype} of shape {tuple(values.shape)}"
            raise UserError(f"{owner} promised {name} as {dtype} of shape {promised} and delivers {found}")
        if values.is_floating_point() and not bool(values.isfinite().all()):
            raise UserError(f"{owner} delivers numbers in {name} that are not finite")
        if field.kind == "tokens" and field.names and values.numel():
            low, high = int(values.min()), int(values.max())
            if low < 0 or high >= len(field.names):
                raise UserError(f"{owner} has words from {low} to {high}; its vocabulary has {len(field.names)}")
        if field.kind == "class" and values.numel():
            low, high = int(values.min()), int(values.max())
            if low < 0 or high >= field.classes:
                raise UserError(
                    f"{owner} has labels from {low} to {high}; {field.classes} classes allow 0 to {field.classes - 1}"
                )
