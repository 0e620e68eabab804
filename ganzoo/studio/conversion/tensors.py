"""Tensors of a checkpoint: views of the bytes of the file, read only when they are needed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.studio.conversion.pickles import Constructor, Opaque, Unreadable
from ganzoo.text import quoted

LARGEST = 2**48  # largest size, stride, offset and number of elements, so that torch's integers cannot overflow
DIMENSIONS = 16

DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
}
OTHERS = {"QInt32Storage": torch.int32}  # elements of all other storages have one byte; their tensors are placeholders


@final
@dataclass
class Records:
    """The bytes of each storage by its key, and their byte order."""

    by_key: dict[str, memoryview] = field(default_factory=dict)
    big_endian: bool = False


@final
@dataclass(frozen=True, eq=False)
class Storage:
    """``count`` consecutive elements of the record ``key``, from element ``first`` on."""

    records: Records
    key: str
    dtype: torch.dtype
    count: int
    first: int = 0

    @property
    def label(self) -> str:
        """Its name in messages."""
        return f"the storage {quoted(self.key)}"

    def check(self) -> None:
        """Raise :class:`Unreadable` where the file does not have all of its elements."""
        record = self.records.by_key.get(self.key)
        if record is None:
            raise Unreadable(f"is damaged: {self.label} is not in it")
        if (self.first + self.count) * self.dtype.itemsize > len(record):
            raise Unreadable(f"is damaged: {self.label} ends too early")

    def elements(self, begin: int, end: int) -> Tensor:
        """Return a copy of the elements ``begin:end``."""
        self.check()
        size = self.dtype.itemsize
        record = self.records.by_key[self.key]
        raw = bytearray(record[(self.first + begin) * size : (self.first + end) * size])
        if self.records.big_endian:
            raw = bytearray(np.frombuffer(raw, f">u{size}").astype(f"<u{size}").tobytes())
        return torch.frombuffer(raw, dtype=self.dtype) if raw else torch.empty(0, dtype=self.dtype)


@final
@dataclass(frozen=True, eq=False)
class View:
    """A tensor of the file: ``shape`` and ``strides``, in elements, from element ``offset`` of ``storage`` on."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of its elements."""
        return self.storage.dtype

    @property
    def place(self) -> tuple[object, ...]:
        """Its place in the file: equal for two views of the same elements."""
        return self.storage.key, self.storage.first + self.offset, self.shape, self.strides

    @property
    def end(self) -> int:
        """The index of the storage's element after its last one."""
        if 0 in self.shape:
            return self.offset
        return self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True)) + 1

    def read(self) -> Tensor:
        """Return a copy of it; the caller must have checked ``shape``, as strides of 0 allow any size."""
        elements = self.storage.elements(self.offset, self.end)
        return elements.as_strided(self.shape, self.strides).contiguous()


def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides of elements that are stored row by row."""
    return tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))


def natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts names as people do: ``layer2`` before ``layer10``."""
    pieces = re.split(r"([0-9]{1,18})", name)
    return [(int(piece), "") if place % 2 else (-1, piece) for place, piece in enumerate(pieces)]


# The objects that a pickle may make


def make_storage(records: Records, kind: Any, key: Any, count: Any, first: Any = 0) -> Storage:
    """Return the storage with the values in a pickle; raises :class:`Unreadable` where they are invalid."""
    dtype = None
    if isinstance(kind, Constructor):
        dtype = DTYPES.get(kind.path.rpartition(".")[2])
    elif isinstance(kind, Opaque):
        dtype = OTHERS.get(kind.path.rpartition(".")[2], torch.uint8)
    if dtype is None or not isinstance(key, str):
        raise Unreadable("is damaged: a storage in it is invalid")
    return Storage(records, key, dtype, _size(count), _size(first))


def rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *more: Any) -> View | Opaque:
    """Return a view of ``storage``; raises :class:`Unreadable` where it would be outside of that.

    ``more`` is requires_grad and the backward hooks, which are not used, and then the metadata of the tensor, such as
    torch's negative bit. A tensor whose elements are not what is stored, or are of a dtype that no network has, is a
    placeholder.
    """
    if isinstance(storage, Opaque):
        return Opaque(storage.path)
    if any(more[2:]):
        return Opaque("a negated view: use torch.resolve_neg before torch.save")
    if not (isinstance(storage, Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)):
        raise Unreadable("is damaged: a tensor in it is invalid")
    if len(shape) != len(strides) or len(shape) > DIMENSIONS:
        raise Unreadable(f"is damaged: a tensor in it has {len(shape)} sizes and {len(strides)} strides")
    view = View(storage, _size(offset), tuple(map(_size, shape)), tuple(map(_size, strides)))
    if view.end > storage.count:
        raise Unreadable(f"is damaged: a tensor is outside of {storage.label}")
    if math.prod(view.shape) > LARGEST:
        raise Unreadable("is damaged: a tensor in it is too large for any machine")
    return view


def parameter(view: Any, *more: Any) -> View | Opaque:
    """Return the tensor of a parameter; ``more`` is as for :func:`rebuild`."""
    if not isinstance(view, View | Opaque):
        raise Unreadable("is damaged: a parameter in it is not a tensor")
    return view


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise Unreadable("is damaged: a size or an offset in it is invalid")
    return value
