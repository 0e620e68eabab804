"""Old checkpoints of PyTorch, in each of the three ways in which they were written."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any, final

from ganzoo.studio.conversion.pickles import LeftOut, Reader, Unreadable, checked_key
from ganzoo.studio.conversion.tensors import DTYPES, Records, Storage, describe, parameter, rebuild

ZIP, PICKLE = b"PK\x03\x04", b"\x80"
MAGIC = 0x1950A86A20F9469CFC6C  # the first value in files of torch before 1.6
LEGACY = 1001  # the second one: the number of that format
LOCAL = 30  # bytes of a zip's header of an entry, without the name and what else may follow it
ENCRYPTED = 1
NO_FOLDERS = {"", ".", ".."}
COUNT = 8  # bytes that tell how many numbers a storage has, before these, in files of torch before 1.6

INSTEAD = "give a file that torch.save wrote"


def read_checkpoint(content: bytes) -> Any:
    """Return what a checkpoint holds: dicts, lists, tuples, words, numbers, and a ``View`` for each tensor.

    Raises :class:`Unreadable` where it is damaged, of another kind, or asks for anything else. Nothing of it is run.
    """
    if content.startswith(ZIP):
        return _read_zip(content)
    if content.startswith(PICKLE):
        return _read_legacy(memoryview(content))
    raise Unreadable(f"is no checkpoint of PyTorch: {INSTEAD}")


# What a pickle may ask for, by its import path; nothing is imported


def _ordered(pairs: Any = ()) -> dict[Any, Any]:
    """Return a dict; Python 2 gives the pairs of an ordered one, each as a list."""
    if not isinstance(pairs, list | tuple) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise Unreadable("is damaged: an ordered dict in it is none")
    return {checked_key(key): value for key, value in pairs}


def _left_out(*_: Any) -> LeftOut:
    return LeftOut()


def _tuple(sizes: Any = ()) -> tuple[Any, ...]:
    if not isinstance(sizes, tuple | list):
        raise Unreadable("is damaged: a size in it is none")
    return tuple(sizes)


# Things that stand beside the tensors in many checkpoints. They are neither imported nor made: their places stay empty.
BESIDE = (
    "_codecs.encode",
    "argparse.Namespace",
    "collections.Counter",
    "collections.defaultdict",
    *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in ("dict", "int", "float", "list", "set")),
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
    "numpy.dtype",
    "numpy.ndarray",
    "torch.device",
)

KNOWN: Mapping[str, Callable[..., Any]] = {
    "collections.OrderedDict": _ordered,
    "torch.Size": _tuple,
    "torch._utils._rebuild_tensor": rebuild,
    "torch._utils._rebuild_tensor_v2": rebuild,
    "torch._utils._rebuild_parameter": parameter,
    "torch._utils._rebuild_parameter_with_state": parameter,
    **{f"torch.{name}": _left_out for name in DTYPES},
    **dict.fromkeys(BESIDE, _left_out),
}


# The zip of torch 1.6 and newer


def _read_zip(content: bytes) -> Any:
    entries = _entries(content)
    folder = _folder(entries)
    order = bytes(entries.get(f"{folder}/byteorder", b"little"))
    if order not in (b"little", b"big"):
        raise Unreadable("is damaged: it does not say in which order the bytes of its numbers are")
    data = f"{folder}/data/"
    by_key = {name.removeprefix(data): raw for name, raw in entries.items() if name.startswith(data)}
    described = _Described(Records(by_key, order == b"big"))
    value = Reader(entries[f"{folder}/data.pkl"], KNOWN, described.fetch).read()
    described.check()
    return value


def _entries(content: bytes) -> dict[str, memoryview]:
    """Return the bytes of each entry of a zip, which are a part of ``content``: nothing is unpacked."""
    try:
        listed = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except Exception as problem:  # zipfile lets through whatever the damage leads to
        raise Unreadable("is damaged: its zip cannot be read, and may have been cut off") from problem
    if any("/code/" in entry.filename for entry in listed):
        raise Unreadable("is a program of TorchScript: save the state_dict() of the network with what made it")
    if sum(entry.file_size for entry in listed) > len(content):
        raise Unreadable("is damaged: the entries of its zip are larger than all of it")
    found: dict[str, memoryview] = {}
    for entry in listed:
        if entry.flag_bits & ENCRYPTED or entry.compress_type != zipfile.ZIP_STORED:
            raise Unreadable(f"is a zip that torch.save did not write, encrypted or compressed: {INSTEAD}")
        if entry.filename in found:
            raise Unreadable("is damaged: its zip holds two entries of one name")
        found[entry.filename] = _stored(content, entry)
    return found


def _stored(content: bytes, entry: zipfile.ZipInfo) -> memoryview:
    begin = entry.header_offset + LOCAL
    header = content[entry.header_offset : begin]
    begin += int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    raw = memoryview(content)[begin : begin + entry.file_size]
    if not header.startswith(ZIP) or len(raw) != entry.file_size:
        raise Unreadable("is damaged: an entry of its zip lies outside of it")
    if zlib.crc32(raw) != entry.CRC:
        raise Unreadable("is damaged: the content of its zip does not match the checksums in it")
    return raw


def _folder(entries: Mapping[str, memoryview]) -> str:
    """Return the one folder of a zip that ``torch.save`` wrote, which holds all of its entries."""
    folders = {name.partition("/")[0] for name in entries}
    if len(folders) != 1 or folders <= NO_FOLDERS or f"{next(iter(folders))}/data.pkl" not in entries:
        raise Unreadable(f"is a zip that torch.save did not write: {INSTEAD}")
    return folders.pop()


# The pickles of torch before 1.6, with the numbers behind them


def _read_legacy(content: memoryview) -> Any:
    described = _Described(Records())
    reader = Reader(content, KNOWN, described.fetch)
    if not _is(reader.read(), MAGIC):
        raise Unreadable(f"is a pickle that torch.save did not write: {INSTEAD}")
    if not _is(reader.read(), LEGACY):
        raise Unreadable("is of a format of torch that nobody is known to have used")
    machine = reader.read()
    if not isinstance(machine, dict) or machine.get("little_endian") is not True:
        raise Unreadable("was written on a machine with another order of bytes: save it on this one with torch.save")
    value, keys, at = reader.read(), reader.read(), reader.at
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise Unreadable("is damaged: it does not say in which order its numbers are")
    for key in keys:
        begin = at + COUNT
        at = begin + int.from_bytes(content[at:begin], "little") * described.size_of(key)
        if at > len(content):
            raise Unreadable("is damaged: it ends too early")
        described.records.by_key[key] = content[begin:at]
    described.check()
    return value


def _is(value: Any, number: int) -> bool:
    return isinstance(value, int) and value == number


@final
class _Described:
    """The storages that a pickle describes, which may stand before or behind it."""

    def __init__(self, records: Records):
        self.records = records
        self._found: list[Storage] = []
        self._sizes: dict[str, int] = {}

    def fetch(self, told: Any) -> Storage:
        """Return the storage of a persistent id: a word, type, key, device, count, and a part of these or nothing."""
        if not isinstance(told, tuple) or len(told) not in (5, 6) or not _is_storage(told[0]):
            raise Unreadable("is damaged: it describes a storage that is none")
        _, kind, key, _, count = told[:5]
        storage = describe(self.records, kind, key, count)
        part = told[5] if len(told) == 6 else None
        if part is not None:
            if not isinstance(part, tuple) or len(part) != 3:
                raise Unreadable("is damaged: it describes a part of a storage that is none")
            storage = describe(self.records, kind, key, part[2], part[1])
        self._found.append(storage)
        self._sizes[storage.key] = storage.dtype.itemsize
        return storage

    def size_of(self, key: str) -> int:
        """Return the bytes of a number in the storage ``key``."""
        if key not in self._sizes:
            raise Unreadable("is damaged: it holds numbers that belong to no tensor")
        return self._sizes[key]

    def check(self) -> None:
        """Raise :class:`Unreadable` where the file does not hold what was described."""
        for storage in self._found:
            storage.check()


def _is_storage(word: Any) -> bool:
    return isinstance(word, str) and word == "storage"
