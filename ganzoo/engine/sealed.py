"""Safetensors files that say what they are, and notice when they are damaged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from ganzoo.engine.files import write_whole
from ganzoo.errors import UserError

_LENGTH = 8  # bytes of the header's length, at the beginning of a safetensors file


def write_sealed(path: Path, tensors: Mapping[str, Tensor], key: str, about: Mapping[str, Any]) -> str:
    """Write ``tensors`` and the JSON value ``about`` under one ``key`` of the header; return the payload's sha256."""
    content, digest = seal(tensors, key, about)
    write_whole(path, content)
    return digest


def seal(tensors: Mapping[str, Tensor], key: str, about: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the bytes of such a file, and the sha256 of its payload."""
    plain = {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}
    digest = hashlib.sha256(_payload(safetensors.torch.save(plain))).hexdigest()
    # One metadata key: safetensors orders several at random, and equal content should be equal bytes.
    header = {key: json.dumps({**about, "sha256": digest}, sort_keys=True)}
    return safetensors.torch.save(plain, header), digest


def read_sealed(path: Path, key: str, what: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and the JSON object that :func:`write_sealed` wrote.

    Raises :class:`UserError` where the file is missing, is not ``what`` it should be, or is damaged.
    """
    content = _content(path, what)
    about = _about(path, content, key, what)
    if hashlib.sha256(_payload(content)).hexdigest() != about.get("sha256"):
        raise UserError(f"{path} is damaged: its content does not match the checksum in its header")
    try:
        return safetensors.torch.load(content), about
    except (SafetensorError, ValueError, KeyError) as problem:
        raise UserError(f"{path} is no readable safetensors file: {problem}") from problem


def _content(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no {what} at {path}") from None
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem


def _about(path: Path, content: bytes, key: str, what: str) -> dict[str, Any]:
    try:
        length = int.from_bytes(content[:_LENGTH], "little")
        about = json.loads(json.loads(content[_LENGTH : _LENGTH + length])["__metadata__"][key])
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise UserError(f"{path} is no {what} of ganzoo: it carries no readable description of itself") from problem
    if not isinstance(about, dict):
        raise UserError(f"{path} is no {what} of ganzoo: its description is no JSON object")
    return about


def _payload(content: bytes) -> bytes:
    return content[_LENGTH + int.from_bytes(content[:_LENGTH], "little") :]
