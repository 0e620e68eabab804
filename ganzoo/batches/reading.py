"""Reading examples from a dataset, and checking them against its data spec."""

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
    """Return ``values`` as networks receive them: images (B, C, H, W) uint8 become float32 in [-1, 1]."""
    if field.kind != "image":
        return values
    return values.to(torch.float32, memory_format=torch.channels_last).div_(127.5).sub_(1)


def length_of(dataset: Dataset, owner: str) -> int:
    """Return how many examples ``dataset`` has; raises :class:`UserError` where it has none, or cannot tell."""
    try:
        length = len(dataset)
    except Exception as problem:
        raise UserError(f"{owner} cannot tell how many examples it has: {message_of(problem)}") from problem
    if not length:
        raise UserError(f"{owner} has no examples: choose other options for it, or other data")
    return length


def read_in_chunks(
    dataset: Dataset, indices: Tensor, spec: DataSpec, owner: str
) -> Iterator[tuple[slice, dict[str, Tensor]]]:
    """Yield what ``dataset`` reads, some at a time, and which of ``indices`` these are; raises as :func:`read_checked`.

    At once, a dataset that decodes or draws might need many times the memory of its examples.
    """
    for start in range(0, len(indices), CHUNK):
        place = slice(start, start + CHUNK)
        yield place, read_checked(dataset, indices[place], spec, owner)


def bytes_per_example(spec: DataSpec) -> int:
    """Return the bytes that one example takes as it is stored."""
    widths = {"image": 1, "point": 4, "vector": 4, "class": 8, "tokens": 8}
    return sum(field.size * widths[field.kind] for field in spec.fields.values())


def read_checked(dataset: Dataset, indices: Tensor, spec: DataSpec, owner: str) -> dict[str, Tensor]:
    """Return what ``dataset`` reads; raises :class:`UserError`, naming ``owner``, where it breaks its promise."""
    try:
        fields = dataset.read(indices)
        check_fields(fields, spec, len(indices), owner)
    except UserError:
        raise
    except Exception as problem:
        raise UserError(f"{owner} cannot be read: {message_of(problem)}") from problem
    return fields


def check_fields(fields: Mapping[str, Tensor], spec: DataSpec, count: int, owner: str) -> None:
    """Raise :class:`UserError` where what a dataset delivered is not what its spec promised."""
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
