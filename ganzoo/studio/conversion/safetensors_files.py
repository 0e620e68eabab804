"""Safetensors files of other programs, with or without metadata."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any, TypeGuard

import torch

from ganzoo.storage.sealed import unique_keys
from ganzoo.studio.conversion.pickles import Opaque, Unreadable
from ganzoo.studio.conversion.tensors import DIMENSIONS, LARGEST, Records, Storage, View, natural, strides

LENGTH = 8  # bytes with the length of the header
LARGEST_HEADER = 100_000_000  # bytes; the limit of safetensors
METADATA = "__metadata__"
DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
INVALID = "is damaged: its header is invalid"


def is_safetensors(content: bytes) -> bool:
    """Whether a file begins as a safetensors file does: the length of the header, then a JSON object."""
    return content[LENGTH : LENGTH + 1] == b"{" and int.from_bytes(content[:LENGTH], "little") <= LARGEST_HEADER


def read_safetensors(content: bytes) -> tuple[dict[str, View | Opaque], tuple[str, ...]]:
    """Return the tensors of a file by name, and the dtypes of those that are placeholders.

    Such a file does not keep the order of its tensors: they are sorted by name, numbers by their value. Raises
    :class:`Unreadable` where the header is invalid, and where the tensors are not exactly the rest of the file.
    """
    end = LENGTH + int.from_bytes(content[:LENGTH], "little")
    payload = memoryview(content)[end:]
    records = Records()
    header = _header(content[LENGTH:end])
    header.pop(METADATA, None)
    tensors: dict[str, View | Opaque] = {}
    spans: list[tuple[int, int]] = []
    for name, entry in header.items():
        kind, shape, (begin, stop) = _checked(entry)
        spans.append((begin, stop))
        dtype = DTYPES.get(kind)
        if dtype is None:
            tensors[name] = Opaque(kind)
        elif math.prod(shape) * dtype.itemsize != stop - begin:
            raise Unreadable(INVALID)
        else:
            records.by_key[name] = payload[begin:stop]
            tensors[name] = View(Storage(records, name, dtype, math.prod(shape)), 0, shape, strides(shape))
    spans.sort()
    borders = [(0, 0), *spans, (len(payload), len(payload))]
    if any(before[1] != after[0] for before, after in pairwise(borders)):
        raise Unreadable("is damaged: its tensors are not exactly the rest of the file, which may be truncated")
    others = dict.fromkeys(other.path for other in tensors.values() if isinstance(other, Opaque))
    return dict(sorted(tensors.items(), key=lambda item: natural(item[0]))), tuple(others)


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header = json.loads(raw.decode(), object_pairs_hook=unique_keys)
    except (ValueError, RecursionError) as problem:
        raise Unreadable(INVALID) from problem
    if not isinstance(header, dict):
        raise Unreadable(INVALID)
    return header


def _checked(entry: Any) -> tuple[str, tuple[int, ...], tuple[int, int]]:
    """Return the dtype, the shape and the span of a tensor."""
    if not isinstance(entry, dict):
        raise Unreadable(INVALID)
    kind, shape, span = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not (isinstance(kind, str) and len(kind) <= DIMENSIONS and _are_sizes(shape) and _are_sizes(span)):
        raise Unreadable(INVALID)
    if len(span) != 2 or span[0] > span[1]:
        raise Unreadable(INVALID)
    return kind, tuple(shape), (span[0], span[1])


def _are_sizes(values: Any) -> TypeGuard[list[int]]:
    return isinstance(values, list) and len(values) <= DIMENSIONS and all(map(_is_size, values))


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST
