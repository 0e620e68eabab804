"""Files of ``torch.save``: the zip of torch 1.6 and newer, and the pickles of older versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from ganzoo.studio.conversion.pickles import Constructor, Opaque, Reader, Unreadable, plain_key
from ganzoo.studio.conversion.tensors import DTYPES, Records, Storage, make_storage, parameter, rebuild

PICKLE = b"\x80"
MAGIC = 0x1950A86A20F9469CFC6C  # the first value in files of torch before 1.6
LEGACY = 1001  # the second one: the version of that format
NO_FOLDERS = {"", ".", ".."}
COUNT = 8  # bytes with the number of elements before each storage, in files of torch before 1.6

ADVICE = "give a file that torch.save wrote"


# The objects that a pickle may make, by import path; nothing is imported, and everything else is a placeholder


def _ordered(pairs: Any = ()) -> dict[Any, Any]:
    """Return a dict; Python 2 writes the items of an ordered one as lists of two."""
    if not isinstance(pairs, list | tuple) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise Unreadable("is damaged: an ordered dict in it is invalid")
    return {plain_key(key): value for key, value in pairs}


def _tuple(sizes: Any = ()) -> tuple[Any, ...]:
    if not isinstance(sizes, tuple | list):
        raise Unreadable("is damaged: a torch.Size in it is invalid")
    return tuple(sizes)


def _list(elements: Any = ()) -> list[Any]:
    """Return the elements of a set, which are not hashed."""
    return list(elements) if isinstance(elements, list | tuple) else []


def _of_type(function: Any, kind: Any, arguments: Any, *_: Any) -> Any:
    """Return a tensor that has attributes, which are dropped; a placeholder for one of another class."""
    plain = isinstance(kind, Opaque) and kind.path in ("torch.Tensor", "torch.nn.parameter.Parameter")
    if isinstance(function, Constructor) and plain and isinstance(arguments, tuple):
        return function.make(*arguments)
    return Opaque(kind.path if isinstance(kind, Opaque) else "torch.Tensor", (None, arguments))


def _storage(kind: str) -> Callable[..., Opaque]:
    return lambda *arguments: Opaque(f"torch.{kind}", (None, arguments))


CONSTRUCTORS: Mapping[str, Callable[..., Any]] = {
    "builtins.set": _list,
    "collections.OrderedDict": _ordered,
    "torch.Size": _tuple,
    "torch._tensor._rebuild_from_type_v2": _of_type,
    "torch._utils._rebuild_tensor": rebuild,
    "torch._utils._rebuild_tensor_v2": rebuild,
    "torch._utils._rebuild_parameter": parameter,
    "torch._utils._rebuild_parameter_with_state": parameter,
    **{f"torch.{kind}": _storage(kind) for kind in DTYPES},
}


# The zip of torch 1.6 and newer


def read_zip(entries: Mapping[str, memoryview]) -> tuple[Any, tuple[str, ...]]:
    """Return the value in a zip of ``torch.save``, and the import paths of its placeholders."""
    folder = _folder(entries)
    order = bytes(entries.get(f"{folder}/byteorder", b"little"))
    if order not in (b"little", b"big"):
        raise Unreadable("is damaged: its byte order is invalid")
    data = f"{folder}/data/"
    by_key = {name.removeprefix(data): raw for name, raw in entries.items() if name.startswith(data)}
    storages = _StorageTable(Records(by_key, order == b"big"))
    reader = Reader(entries[f"{folder}/data.pkl"], CONSTRUCTORS, storages.load)
    value = reader.read()
    storages.check()
    return value, tuple(reader.unread)


def _folder(entries: Mapping[str, memoryview]) -> str:
    """Return the one folder of a zip that ``torch.save`` wrote, with all of its entries."""
    folders = {name.partition("/")[0] for name in entries}
    if len(folders) != 1 or folders <= NO_FOLDERS or f"{next(iter(folders))}/data.pkl" not in entries:
        raise Unreadable(f"is a zip that torch.save did not write: {ADVICE}")
    return folders.pop()


# The pickles of torch before 1.6, followed by the elements of the storages


def read_legacy(content: memoryview) -> tuple[Any, tuple[str, ...]]:
    """Return the value in an older file of ``torch.save``, and the import paths of its placeholders."""
    storages = _StorageTable(Records())
    reader = Reader(content, CONSTRUCTORS, storages.load)
    if not _is(reader.read(), MAGIC):
        raise Unreadable(f"is a pickle that torch.save did not write: {ADVICE}")
    if not _is(reader.read(), LEGACY):
        raise Unreadable("has an unknown version of torch's old format")
    machine = reader.read()
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Unreadable("was written on a machine with another byte order: save it on this one with torch.save")
    value, keys, at = reader.read(), reader.read(), reader.at
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Unreadable("is damaged: its list of storages is invalid")
    for key in keys:
        begin = at + COUNT
        at = begin + int.from_bytes(content[at:begin], "little") * storages.itemsize(key)
        if at > len(content):
            raise Unreadable("is damaged: it ends too early")
        storages.records.by_key[key] = content[begin:at]
    storages.check()
    return value, tuple(reader.unread)


def _is(value: Any, number: int) -> bool:
    return isinstance(value, int) and value == number


@final
class _StorageTable:
    """The storages that a pickle names; their elements may be before it or after it in the file."""

    def __init__(self, records: Records):
        self.records = records
        self._storages: list[Storage] = []
        self._itemsizes: dict[str, int] = {}

    def load(self, identifier: Any) -> Any:
        """Return the storage of a persistent id: ``("storage", type, key, device, count)``, and perhaps a slice.

        The id of a class, ``("module", class, file, source)``, gives the placeholder of the class.
        """
        if not isinstance(identifier, tuple) or len(identifier) < 2:
            raise Unreadable("is damaged: a storage in it is invalid")
        if _is_word(identifier[0], "module") and isinstance(identifier[1], Opaque):
            return identifier[1]
        if not _is_word(identifier[0], "storage") or len(identifier) not in (5, 6):
            raise Unreadable("is damaged: a storage in it is invalid")
        _, kind, key, _, count = identifier[:5]
        storage = make_storage(self.records, kind, key, count)
        part = identifier[5] if len(identifier) == 6 else None
        if part is not None:
            if not isinstance(part, tuple) or len(part) != 3:
                raise Unreadable("is damaged: a slice of a storage in it is invalid")
            storage = make_storage(self.records, kind, key, part[2], part[1])
        self._storages.append(storage)
        self._itemsizes[storage.key] = storage.dtype.itemsize
        return Opaque(kind.path) if isinstance(kind, Opaque) else storage

    def itemsize(self, key: str) -> int:
        """Return the bytes of an element of the storage ``key``."""
        if key not in self._itemsizes:
            raise Unreadable("is damaged: it has a storage without a tensor")
        return self._itemsizes[key]

    def check(self) -> None:
        """Raise :class:`Unreadable` where the file lacks elements of a storage."""
        for storage in self._storages:
            storage.check()


def _is_word(value: Any, word: str) -> bool:
    return isinstance(value, str) and value == word
