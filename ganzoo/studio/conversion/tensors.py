"""Tensors of a checkpoint: views of numbers that lie in the file, read only where somebody needs them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from ganzoo.studio.conversion.pickles import Known, Unreadable
from ganzoo.text import quoted

LARGEST = 2**48  # of sizes, strides, places and numbers in a tensor: what torch counts with cannot overflow
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
}


@final
@dataclass
class Records:
    """The bytes of each storage by its key, and whether the machine that wrote them wrote large ends first."""

    by_key: dict[str, memoryview] = field(default_factory=dict)
    big_endian: bool = False


@final
@dataclass(frozen=True, eq=False)
class Storage:
    """``count`` numbers in a row, from number ``first`` of the record ``key`` on."""

    records: Records
    key: str
    dtype: torch.dtype
    count: int
    first: int = 0

    @property
    def label(self) -> str:
        """How messages call it."""
        return f"the storage {quoted(self.key)}"

    def check(self) -> None:
        """Raise :class:`Unreadable` where the file does not hold all of its numbers."""
        record = self.records.by_key.get(self.key)
        if record is None:
            raise Unreadable(f"is damaged: {self.label} is not in it")
        if (self.first + self.count) * self.dtype.itemsize > len(record):
            raise Unreadable(f"is damaged: {self.label} ends too early")

    def numbers(self, begin: int, end: int) -> Tensor:
        """Return a copy of the numbers from ``begin`` to before ``end``."""
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
    """A tensor of the file: ``shape`` and ``strides``, in numbers, from number ``offset`` of ``storage`` on."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def dtype(self) -> torch.dtype:
        """What its numbers are."""
        return self.storage.dtype

    @property
    def place(self) -> tuple[object, ...]:
        """Where in the file it lies: equal for two that are the same numbers."""
        return self.storage.key, self.storage.first + self.offset, self.shape, self.strides

    @property
    def end(self) -> int:
        """The number of the storage behind its last one."""
        if 0 in self.shape:
            return self.offset
        return self.offset + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True)) + 1

    def read(self) -> Tensor:
        """Return a copy of it; whoever asks has looked that ``shape`` is not absurd."""
        numbers = self.storage.numbers(self.offset, self.end)
        return numbers.as_strided(self.shape, self.strides).contiguous()


# What a pickle may ask for


def describe(records: Records, kind: Any, key: Any, count: Any, first: Any = 0) -> Storage:
    """Return the storage that a pickle describes; raises :class:`Unreadable` where that makes no sense."""
    dtype = DTYPES.get(kind.path.rpartition(".")[2]) if isinstance(kind, Known) else None
    if dtype is None or not isinstance(key, str):
        raise Unreadable("is damaged: it describes a storage that is none")
    return Storage(records, key, dtype, _size(count), _size(first))


def rebuild(storage: Any, offset: Any, shape: Any, strides: Any, *more: Any) -> View:
    """Return a view of ``storage``; raises :class:`Unreadable` where it would lie outside of that.

    ``more`` says who wants gradients and who asked to be told of them, which does not matter here, and then whether
    the numbers stand for their negatives.
    """
    if any(more[2:]):
        raise Unreadable("holds numbers that stand for their negatives: save them as torch.resolve_neg makes them")
    if not (isinstance(storage, Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)):
        raise Unreadable("is damaged: it describes a tensor that is none")
    if len(shape) != len(strides) or len(shape) > DIMENSIONS:
        raise Unreadable(f"is damaged: it describes a tensor of {len(shape)} sizes and {len(strides)} strides")
    view = View(storage, _size(offset), tuple(map(_size, shape)), tuple(map(_size, strides)))
    if view.end > storage.count:
        raise Unreadable(f"is damaged: a tensor lies outside of {storage.label}")
    if math.prod(view.shape) > LARGEST:
        raise Unreadable("is damaged: a tensor in it is larger than any machine")
    return view


def parameter(view: Any, *more: Any) -> View:
    """Return the tensor of a parameter; ``more`` is as for :func:`rebuild`."""
    if not isinstance(view, View):
        raise Unreadable("is damaged: a parameter in it is no tensor")
    return view


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise Unreadable("is damaged: a size or a place in it is none")
    return value
