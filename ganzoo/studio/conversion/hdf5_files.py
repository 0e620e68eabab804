"""A reader of the HDF5 files that Keras writes.

It is own code rather than h5py, because a damaged or hostile file can make the C library loop forever or overwrite
memory. It reads the classic format (superblock 0): groups, attributes that are strings, and datasets that are stored in
one piece. It follows hard links only. Everything else, such as chunks, filters, virtual datasets and data in other
files, becomes a placeholder. The layout is that of the HDF5 File Format Specification, version 3.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, final

import torch

from ganzoo.studio.conversion.pickles import Opaque, Unreadable
from ganzoo.studio.conversion.tensors import DIMENSIONS, LARGEST, Records, Storage, View, strides

SIGNATURE = b"\x89HDF\r\n\x1a\n"
CLASSIC = b"\0\0\0\0\0\x08\x08\0"  # versions of the superblock and of its parts, and offsets and lengths of 8 bytes
ROOT = 64  # where the superblock has the address of the root group
READS = 500_000  # pieces of a file that are read; a large Keras model has a hundredth of that
DEPTH = 32  # of groups
TEXT = 2**24  # bytes of all attributes together

# Types of messages in the header of an object
DATASPACE, DATATYPE, EXTERNAL, LAYOUT, FILTERS, ATTRIBUTE, CONTINUATION, GROUP = 1, 3, 7, 8, 11, 12, 16, 17
SHARED = 2  # flag of a message that is elsewhere
CONTIGUOUS = 1  # class of a layout
INTEGER, FLOAT, STRING, SEQUENCE = 0, 1, 3, 9  # classes of a datatype
SOFT_LINK = 2

# Exponent and mantissa of a float: its size, their places and sizes in bits, and the bias
FLOATS = {
    (2, 10, 5, 0, 10, 15): torch.float16,
    (4, 23, 8, 0, 23, 127): torch.float32,
    (8, 52, 11, 0, 52, 1023): torch.float64,
}
INTEGERS = {(1, 1): torch.int8, (1, 0): torch.uint8, (2, 1): torch.int16, (4, 1): torch.int32, (8, 1): torch.int64}
TWO_BYTES = (2, 0)  # an unsigned integer, as which Keras stores bfloat16


@final
@dataclass
class Group:
    """The attributes of a group that are text, and its members in the order of their names."""

    attributes: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Group | View | Opaque] = field(default_factory=dict)


def read_hdf5(content: memoryview) -> Group:
    """Return the root group; raises :class:`Unreadable` where a file is damaged or not in the classic format."""
    return _Hdf5(content).root()


@final
class _Hdf5:
    def __init__(self, content: memoryview):
        self._content = content
        self._records = Records()
        self._reads = self._letters = 0
        self._objects: dict[int, View | Opaque] = {}

    def root(self) -> Group:
        if bytes(self._take(8, 8)) != CLASSIC:
            raise Unreadable("is an HDF5 file in another format than Keras writes: save the weights with Keras")
        found = self._object(self._number(ROOT), 0)
        if not isinstance(found, Group):
            raise Unreadable("is damaged: it has no group")
        return found

    # Pieces of the file

    def _take(self, at: int, size: int) -> memoryview:
        self._reads += 1
        if self._reads > READS:
            raise Unreadable("has more content than any Keras model needs")
        if at < 0 or size < 0 or at + size > len(self._content):
            raise Unreadable("is damaged: a part of it is outside of the file, which may be truncated")
        return self._content[at : at + size]

    def _number(self, at: int, size: int = 8) -> int:
        return int.from_bytes(self._take(at, size), "little")

    def _signed_by(self, at: int, signature: bytes) -> None:
        if bytes(self._take(at, len(signature))) != signature:
            raise Unreadable(f"is damaged: a part of it is not {signature.decode()}")

    # Objects

    def _object(self, at: int, depth: int) -> Group | View | Opaque:
        if depth > DEPTH:
            raise Unreadable("is damaged: its groups contain each other")
        if at not in self._objects:
            self._objects[at] = Opaque("HDF5 group with two links")
            made = self._made(at, depth)
            if isinstance(made, Group):
                return made
            self._objects[at] = made
        return self._objects[at]

    def _made(self, at: int, depth: int) -> Group | View | Opaque:
        messages = list(self._messages(at))
        kinds = {kind: body for kind, body, _ in messages if kind != ATTRIBUTE}
        attributes = dict(self._attribute(body) for kind, body, shared in messages if kind == ATTRIBUTE and not shared)
        if GROUP in kinds:
            made = Group(attributes)
            tree, heap = _unpack("<QQ", kinds[GROUP])
            for name, address in self._links(tree, heap, 0):
                made.members[name] = self._object(address, depth + 1) if address else Opaque("HDF5 soft link")
            return made
        shared = any(shared for kind, _, shared in messages if kind in (DATASPACE, DATATYPE, LAYOUT))
        if shared or not {DATASPACE, DATATYPE, LAYOUT} <= kinds.keys() or kinds.keys() & {EXTERNAL, FILTERS}:
            return Opaque("HDF5 object with links, filters or data elsewhere")
        return self._dataset(at, kinds, attributes.get("dtype"))

    def _dataset(self, at: int, kinds: dict[int, memoryview], stored_as: Any) -> View | Opaque:
        dtype = _dtype(kinds[DATATYPE], stored_as)
        shape = _shape(kinds[DATASPACE])
        version, layout = _unpack("<BB", kinds[LAYOUT])
        if version != 3 or layout != CONTIGUOUS or dtype is None or shape is None:
            return Opaque("HDF5 dataset in chunks, or not of numbers")
        address, size = _unpack("<2xQQ", kinds[LAYOUT])
        if size != math.prod(shape) * dtype.itemsize:
            raise Unreadable("is damaged: the size of a dataset does not match its shape")
        key = str(at)
        self._records.by_key[key] = self._take(address if size else 0, size)
        return View(Storage(self._records, key, dtype, math.prod(shape)), 0, shape, strides(shape))

    def _messages(self, at: int) -> Iterator[tuple[int, memoryview, bool]]:
        """Yield the type, the body and whether it is elsewhere, of every message in an object's header."""
        version, _, _, _, size = _unpack("<BBHII", self._take(at, 12))
        if version != 1:
            raise Unreadable("is damaged: the header of an object is invalid")
        blocks = [(at + 16, size)]
        for begin, length in blocks:
            place = begin
            while place + 8 <= begin + length:
                kind, size, flags = _unpack("<HHB", self._take(place, 8))
                body = self._take(place + 8, size)
                place += 8 + size
                if kind == CONTINUATION:
                    blocks.append(_unpack("<QQ", body))
                yield kind, body, bool(flags & SHARED)

    # Groups: a B-tree of tables of symbols, whose names are in a heap

    def _links(self, tree: int, heap: int, depth: int) -> Iterator[tuple[str, int]]:
        """Yield the names and addresses of the members; a soft link has the address 0."""
        self._signed_by(tree, b"TREE")
        kind, level, count = _unpack("<BBH", self._take(tree + 4, 4))
        if kind != 0 or depth > DEPTH:
            raise Unreadable("is damaged: the index of a group is invalid")
        for place in range(count):
            child = self._number(tree + 32 + 16 * place)
            if level:
                yield from self._links(child, heap, depth + 1)
                continue
            self._signed_by(child, b"SNOD")
            for symbol in range(self._number(child + 6, 2)):
                offset, address, cached = _unpack("<QQI", self._take(child + 8 + 40 * symbol, 20))
                yield self._name(heap, offset), 0 if cached == SOFT_LINK else address

    def _name(self, heap: int, offset: int) -> str:
        self._signed_by(heap, b"HEAP")
        size, _, begin = _unpack("<QQQ", self._take(heap + 8, 24))
        raw = bytes(self._take(begin + offset, min(max(size - offset, 0), DEPTH * 8)))
        return raw.partition(b"\0")[0].decode("utf-8", "replace")

    # Attributes

    def _attribute(self, body: memoryview) -> tuple[str, Any]:
        """Return the name, and the value where it is text: a string, or a list of strings; else ``None``."""
        version, _, *sizes = _unpack("<BBHHH", body)
        if version not in (1, 2, 3):
            raise Unreadable("is damaged: an attribute in it is invalid")
        at, parts = 9 if version == 3 else 8, []
        for size in sizes:
            parts.append(body[at : at + size])
            at += -(-size // 8) * 8 if version == 1 else size
        name, kind, space = parts
        return str(name, "utf-8", "replace").rstrip("\0"), self._text(kind, space, body[at:])

    def _text(self, kind: memoryview, space: memoryview, raw: memoryview) -> Any:
        class_, size = _class(kind)
        shape = _shape(space)
        if shape is None or class_ not in (STRING, SEQUENCE):
            return None
        if not size or math.prod(shape) * size > len(raw):
            raise Unreadable("is damaged: an attribute in it ends too early")
        pieces = [raw[place * size : (place + 1) * size] for place in range(math.prod(shape))]
        words = [self._sequence(piece) if class_ == SEQUENCE else bytes(piece) for piece in pieces]
        texts = [word.decode("utf-8", "replace").rstrip("\0") for word in words]
        return texts if shape else texts[0]

    def _sequence(self, piece: memoryview) -> bytes:
        """Return the bytes of a string of any length, which is in a collection of objects elsewhere."""
        length, collection, index = _unpack("<IQI", piece)
        self._letters += length
        if self._letters > TEXT:
            raise Unreadable("has more text than any Keras model needs")
        if not length:
            return b""
        self._signed_by(collection, b"GCOL")
        at, end = collection + 16, collection + self._number(collection + 8)
        while at + 16 <= end:
            found, _, size = _unpack("<HH4xQ", self._take(at, 16))
            if found == index:
                return bytes(self._take(at + 16, min(size, length)))
            at += 16 + -(-size // 8) * 8
        raise Unreadable("is damaged: a string in it is missing")


def _unpack(layout: str, raw: memoryview) -> Any:
    """Return the numbers at the beginning of ``raw``."""
    size = struct.calcsize(layout)
    if len(raw) < size:
        raise Unreadable("is damaged: a part of it ends too early")
    return struct.unpack(layout, raw[:size])


def _class(datatype: memoryview) -> tuple[int, int]:
    """Return the class of a datatype, and the bytes of an element."""
    class_, size = _unpack("<B3xI", datatype)
    return class_ & 15, size


def _dtype(datatype: memoryview, stored_as: Any) -> torch.dtype | None:
    """Return the dtype of a datatype; ``None`` for one that no network has, and for the other order of bytes."""
    class_, size = _class(datatype)
    (bits,) = _unpack("<xB", datatype)
    if class_ == FLOAT and not bits & 1:
        return FLOATS.get((size, *_unpack("<12xBBBBI", datatype)))
    if class_ == INTEGER and not bits & 1:
        kind = (size, bits >> 3 & 1)
        return torch.bfloat16 if stored_as == "bfloat16" and kind == TWO_BYTES else INTEGERS.get(kind)
    return None


def _shape(dataspace: memoryview) -> tuple[int, ...] | None:
    """Return the sizes in a dataspace; ``None`` for an empty one."""
    version, rank, _, empty = _unpack("<BBBB", dataspace)
    if version not in (1, 2) or rank > DIMENSIONS:
        raise Unreadable("is damaged: the shape of a dataset is invalid")
    if version == 2 and empty == 2:
        return None
    sizes = _unpack(f"<{8 if version == 1 else 4}x{rank}Q", dataspace)
    if math.prod(sizes) > LARGEST:
        raise Unreadable("is damaged: a dataset in it is too large for any machine")
    return tuple(sizes)
