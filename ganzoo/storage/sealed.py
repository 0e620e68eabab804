"""Safetensors files that say what they are, and notice when they are damaged.

The header holds one JSON value with two checksums: ``sha256`` of the tensors, which identifies them, and ``seal`` of
the 8 length bytes and the whole header, taken while the seal's own digits are zeros. They tell damage; whoever writes a
file on purpose can make both right, so nothing that a file says is relied on before it has been checked.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import safetensors.torch
import torch
from torch import Tensor

from ganzoo.catalogue.formats import FORMAT, refuse_other_format
from ganzoo.errors import UserError
from ganzoo.health.finite import first_non_finite
from ganzoo.storage.files import open_file, write_whole
from ganzoo.text import one_line

_LENGTH = 8  # bytes of the header's length, at the beginning of a safetensors file
_LONGEST = 100_000_000  # bytes of a header, as safetensors has it
_DEEPEST = 64  # levels of JSON
_ZEROS = b"0" * 64


def write_sealed(path: Path, tensors: Mapping[str, Tensor], key: str, about: Mapping[str, Any]) -> str:
    """Write ``tensors`` and the JSON value ``about`` under one ``key`` of the header; return the payload's sha256."""
    content, digest = seal(tensors, key, about)
    write_whole(path, content)
    return digest


def seal(tensors: Mapping[str, Tensor], key: str, about: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of such a file, and the sha256 of its payload.

    ``format`` and ``sha256`` of ``about`` are set to those of the file; a ``seal`` of its own is a :class:`ValueError`.
    """
    if "seal" in about:
        raise _taken("seal")
    plain = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    blank = {**about, "format": FORMAT, "sha256": _ZEROS.decode(), "seal": _ZEROS.decode()}
    # One metadata key: safetensors orders several at random, and equal content should be equal bytes.
    content = safetensors.torch.save(plain, {key: json.dumps(blank, sort_keys=True, allow_nan=False)})
    header = bytearray(content[: _end(content)])
    payload = memoryview(content)[len(header) :]
    digest = hashlib.sha256(payload).hexdigest()
    _fill(header, "sha256", digest)
    _fill(header, "seal", hashlib.sha256(header).hexdigest())
    return b"".join((header, payload)), digest


def read_sealed(path: Path, key: str, what: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the JSON object that :func:`write_sealed` wrote.

    Raises :class:`UserError` where the file is missing, is not ``what`` it should be, is of another format, or is
    damaged. A file that is larger than the memory cannot be read.
    """
    content = _content(path, what)
    header = content[: _end(content)]
    place = _place(header, "seal", rb"[0-9a-f]{64}")
    if place is None:
        _refuse_unsealed(path, header, key, what)
    if hashlib.sha256(header[: place.start] + _ZEROS + header[place.stop :]).hexdigest().encode() != header[place]:
        raise UserError(f"{path} is damaged: its header does not match the seal in it")
    about = _about(path, header, key, what)
    refuse_other_format(about.get("format"), str(path))
    if hashlib.sha256(memoryview(content)[len(header) :]).hexdigest() != about.get("sha256"):
        raise UserError(f"{path} is damaged: its content does not match the checksum in its header")
    try:
        tensors = safetensors.torch.load(content)
    except Exception as problem:  # whatever safetensors and torch find wrong with the header
        raise UserError(f"{path} is no readable safetensors file: {one_line(problem)}") from problem
    return tensors, {name: value for name, value in about.items() if name != "seal"}


def refuse_other_tensors(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    """Raise :class:`UserError`, naming the tensor, where ``found`` are not those of ``wanted``, with finite values.

    They must have the same names, shapes and types; ``wanted`` may be on the meta device.
    """
    for name in sorted(found.keys() | wanted.keys()):
        if name not in found:
            raise UserError(f"{one_line(name)} is missing")
        if name not in wanted:
            raise UserError(f"{one_line(name)} does not belong there")
        has, needs = found[name], wanted[name]
        if has.shape != needs.shape:
            raise UserError(f"{one_line(name)} has shape {tuple(has.shape)} and should have {tuple(needs.shape)}")
        if has.dtype != needs.dtype:
            raise UserError(f"{one_line(name)} is of type {has.dtype} and should be of {needs.dtype}")
        if first_non_finite({name: has}):
            raise UserError(f"the weights of {one_line(name)} are not finite")


def _content(path: Path, what: str) -> bytes:
    try:
        with open_file(path) as file:
            return file.read()
    except FileNotFoundError:
        raise UserError(f"there is no {what} at {path}") from None
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except (ValueError, MemoryError) as problem:
        reason = "its name is none" if isinstance(problem, ValueError) else "it is larger than the memory"
        raise UserError(f"{one_line(path)} cannot be read: {reason}") from problem


def _end(content: bytes) -> int:
    """Where the header ends, at most."""
    return min(_LENGTH + int.from_bytes(content[:_LENGTH], "little"), _LENGTH + _LONGEST, len(content))


def _place(header: bytes | bytearray, name: str, digits: bytes) -> slice | None:
    """Where in a header the 64 ``digits`` of a checksum stand, or ``None`` where that is not just one place."""
    found = list(re.finditer(rb'\\"' + name.encode() + rb'\\": \\"(' + digits + rb')\\"', header))
    return slice(*found[0].span(1)) if len(found) == 1 else None


def _fill(header: bytearray, name: str, digest: str) -> None:
    place = _place(header, name, _ZEROS)
    if place is None:
        raise _taken(name)
    header[place] = digest.encode()


def _taken(name: str) -> ValueError:
    return ValueError(f"what is written may not have a {name!r} of its own")


def _refuse_unsealed(path: Path, header: bytes, key: str, what: str) -> NoReturn:
    refuse_other_format(_about(path, header, key, what).get("format"), str(path))
    raise UserError(f"{path} is damaged: its header has no seal")


def _about(path: Path, header: bytes, key: str, what: str) -> dict[str, Any]:
    try:
        metadata = _object(header[_LENGTH:].decode())["__metadata__"]
        if metadata.keys() != {key}:
            raise ValueError("it describes something else")
        return _object(metadata[key])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UserError(f"{path} is no {what} of ganzoo: it carries no readable description of itself") from problem


def _object(text: str) -> dict[str, Any]:
    """Return a JSON object as it is written by us: no name twice, all numbers finite, few levels."""
    value = json.loads(text, object_pairs_hook=_once, parse_float=_finite, parse_constant=_finite)
    if not isinstance(value, dict) or _deeper(value, _DEEPEST):
        raise ValueError("no JSON object of few levels")
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands there twice")
    return made


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_deeper(item, levels - 1) for item in inner)
