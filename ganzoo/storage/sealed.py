"""Safetensors files with a description and two checksums, which detect damage.

The header contains one JSON object with ``sha256``, the checksum of the tensors, which identifies them, and ``seal``,
the checksum of the 8 length bytes and the whole header, computed with zeros in place of the seal's own digits. The
checksums detect damage, not forgery: readers must check everything that a file says before they rely on it.
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
from ganzoo.storage.files import open_file, write_atomically
from ganzoo.text import one_line

_LENGTH_BYTES = 8  # a safetensors file begins with the length of its header
_MAX_HEADER_BYTES = 100_000_000  # the limit of safetensors
_MAX_JSON_DEPTH = 64
_ZEROS = b"0" * 64


def write_sealed(path: Path, tensors: Mapping[str, Tensor], key: str, about: Mapping[str, Any]) -> str:
    """Write ``tensors``, and the JSON object ``about`` under ``key`` in the header; return the tensors' sha256."""
    content, digest = seal(tensors, key, about)
    write_atomically(path, content)
    return digest


def seal(tensors: Mapping[str, Tensor], key: str, about: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of a sealed file, and the sha256 of its tensors.

    ``format`` and ``sha256`` in ``about`` are replaced by those of the file. Raises ``ValueError`` if ``about``
    contains a ``seal``.
    """
    if "seal" in about:
        raise _reserved("seal")
    plain = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    blank = {**about, "format": FORMAT, "sha256": _ZEROS.decode(), "seal": _ZEROS.decode()}
    # One metadata key: safetensors writes several in random order, and equal content must give equal bytes.
    content = safetensors.torch.save(plain, {key: json.dumps(blank, sort_keys=True, allow_nan=False)})
    header = bytearray(content[: _header_end(content)])
    payload = memoryview(content)[len(header) :]
    digest = hashlib.sha256(payload).hexdigest()
    _fill(header, "sha256", digest)
    _fill(header, "seal", hashlib.sha256(header).hexdigest())
    return b"".join((header, payload)), digest


def read_sealed(path: Path, key: str, what: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the JSON object of a file of :func:`write_sealed`; ``what`` names its kind in messages.

    Raises :class:`UserError` if the file is missing or damaged, has another ``key``, or has another format. The whole
    file is read into memory.
    """
    content = read_content(path, what)
    header = read_header(content)
    digits = _checksum_position(header, "seal", rb"[0-9a-f]{64}")
    if digits is None:
        _refuse_unsealed(path, header, key, what)
    if hashlib.sha256(header[: digits.start] + _ZEROS + header[digits.stop :]).hexdigest().encode() != header[digits]:
        raise UserError(f"{path} is damaged: its header does not match the seal in it")
    about = _about(path, header, key, what)
    refuse_other_format(about.get("format"), str(path))
    if hashlib.sha256(memoryview(content)[len(header) :]).hexdigest() != about.get("sha256"):
        raise UserError(f"{path} is damaged: its content does not match the checksum in its header")
    try:
        tensors = safetensors.torch.load(content)
    except Exception as problem:  # safetensors and torch raise various types for an invalid header
        raise UserError(f"{path} is not a readable safetensors file: {one_line(problem)}") from problem
    return tensors, {name: value for name, value in about.items() if name != "seal"}


def refuse_other_tensors(tensors: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise :class:`UserError`, naming the tensor, unless ``tensors`` fit ``expected`` and are finite.

    Names, shapes and types must be equal; ``expected`` may be on the meta device.
    """
    for name in sorted(tensors.keys() | expected.keys()):
        if name not in tensors:
            raise UserError(f"{one_line(name)} is missing")
        if name not in expected:
            raise UserError(f"{one_line(name)} is not expected there")
        has, needs = tensors[name], expected[name]
        if has.shape != needs.shape:
            raise UserError(f"{one_line(name)} has shape {tuple(has.shape)} and should have {tuple(needs.shape)}")
        if has.dtype != needs.dtype:
            raise UserError(f"{one_line(name)} has type {has.dtype} and should have {needs.dtype}")
        if first_non_finite({name: has}):
            raise UserError(f"the weights of {one_line(name)} are not finite")


def read_content(path: Path, what: str) -> bytes:
    """Return the content of a file; raises :class:`UserError` if it is missing or cannot be read."""
    try:
        with open_file(path) as file:
            return file.read()
    except FileNotFoundError:
        raise UserError(f"{what} {path} does not exist") from None
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except (ValueError, MemoryError) as problem:
        reason = "its name is not valid" if isinstance(problem, ValueError) else "it is larger than the memory"
        raise UserError(f"{one_line(path)} cannot be read: {reason}") from problem


def read_header(content: bytes) -> bytes:
    """Return the header of a safetensors file, with the length that it begins with."""
    return content[: _header_end(content)]


def _header_end(content: bytes) -> int:
    """Return the end of the header, or of the content if that is shorter."""
    length = int.from_bytes(content[:_LENGTH_BYTES], "little")
    return min(_LENGTH_BYTES + length, _LENGTH_BYTES + _MAX_HEADER_BYTES, len(content))


def _checksum_position(header: bytes | bytearray, name: str, digits: bytes) -> slice | None:
    """Return where the 64 ``digits`` of a checksum are in a header, or ``None`` unless there is exactly one place."""
    matches = list(re.finditer(rb'\\"' + name.encode() + rb'\\": \\"(' + digits + rb')\\"', header))
    return slice(*matches[0].span(1)) if len(matches) == 1 else None


def _fill(header: bytearray, name: str, digest: str) -> None:
    position = _checksum_position(header, name, _ZEROS)
    if position is None:
        raise _reserved(name)
    header[position] = digest.encode()


def _reserved(name: str) -> ValueError:
    return ValueError(f"the key {name!r} is reserved for the seal, and must not be in the description")


def _refuse_unsealed(path: Path, header: bytes, key: str, what: str) -> NoReturn:
    refuse_other_format(_about(path, header, key, what).get("format"), str(path))
    raise UserError(f"{path} is damaged: its header has no seal")


def _about(path: Path, header: bytes, key: str, what: str) -> dict[str, Any]:
    try:
        metadata = _parse_object(header[_LENGTH_BYTES:].decode())["__metadata__"]
        if metadata.keys() != {key}:
            raise ValueError("it has another key")
        return _parse_object(metadata[key])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UserError(f"{path} is not a {what} of ganzoo: its header has no readable description") from problem


def _parse_object(text: str) -> dict[str, Any]:
    """Return a JSON object of the kind that ganzoo writes: unique keys, finite numbers, limited depth."""
    value = json.loads(text, object_pairs_hook=unique_keys, parse_float=_finite, parse_constant=_finite)
    if not isinstance(value, dict) or _is_deeper(value, _MAX_JSON_DEPTH):
        raise ValueError("not a JSON object of limited depth")
    return value


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the members of a JSON object, as its hook; raises ``ValueError`` if a key occurs twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a key occurs twice")
    return members


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a finite number")
    return number


def _is_deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in inner)
