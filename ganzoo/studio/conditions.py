"""Conditions from user input: a class, attributes, a caption, or a tensor."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.errors import UserError
from ganzoo.studio.input_images import read_image
from ganzoo.text import did_you_mean


def read_conditions(field: Field, asked: Sequence[Any], count: int) -> Tensor:
    """Return conditions (count, …): the values in ``asked`` in turn, or all classes in turn where it is empty."""
    if not asked:
        if field.kind != "class":
            needs = "an image: --input FILE or FOLDER" if field.kind == "image" else f"--label: {_example(field)}"
            raise UserError(f"this model is conditional and needs {needs}")
        return torch.arange(count) % field.classes
    readers = {"class": _read_class, "vector": _read_vector, "tokens": _read_caption, "image": _read_image}
    read = torch.stack([readers.get(field.kind, _read_tensor)(field, value) for value in asked])
    return read[torch.arange(count) % len(read)]


def _read_class(field: Field, value: Any) -> Tensor:
    if str(value) in field.names:
        return torch.tensor(field.names.index(str(value)))
    try:
        index = int(value) if isinstance(value, str) else operator.index(value)
    except (TypeError, ValueError):
        have = ", ".join(field.names) or f"0 to {field.classes - 1}"
        raise UserError(
            f"no class is called {value!r}{did_you_mean(str(value), field.names)} Classes: {have}"
        ) from None
    if not 0 <= index < field.classes:
        raise UserError(f"class {index} is out of range: there are the classes 0 to {field.classes - 1}")
    return torch.tensor(index)


def _read_vector(field: Field, value: Any) -> Tensor:
    """Read attributes (``red+large``), numbers (``0.5,-1``) or numbers by name (``cos=0.5,sin=0.87``)."""
    if isinstance(value, Tensor):
        return _read_tensor(field, value).float()
    if isinstance(value, int | float | tuple | list):
        return _numbers(field, value if isinstance(value, tuple | list) else [value], value)
    words = [word.strip() for word in str(value).replace("+", ",").split(",")]
    if all(_is_number(word) for word in words):
        words = [word.strip() for word in str(value).split(",")]
        return _numbers(field, words, value)
    chosen = torch.zeros(field.size)
    for word in words:
        name, given, number = word.partition("=")
        if not field.names:
            raise UserError(f"{value!r} is not {field.size} numbers: give them with commas between them")
        if name not in field.names:
            have = ", ".join(field.names)
            raise UserError(f"no attribute is called {name!r}{did_you_mean(name, field.names)} Attributes: {have}")
        if given and not _is_number(number):
            raise UserError(f"{word!r} does not give a number for {name!r}")
        chosen[field.names.index(name)] = float(number) if given else 1.0
    return chosen


def _is_number(word: str) -> bool:
    try:
        return math.isfinite(float(word))
    except ValueError:
        return False


def _numbers(field: Field, values: Sequence[Any], given: Any) -> Tensor:
    if len(values) != field.size:
        raise UserError(f"{given!r} has {len(values)} numbers, and {field.size} are needed")
    if not all(_is_number(str(value)) for value in values):
        raise UserError(f"{given!r} must consist of finite numbers")
    return torch.tensor([float(value) for value in values])


def _read_caption(field: Field, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        tokens = _read_tensor(field, value).long()
        if field.names and not bool(((tokens >= 0) & (tokens < len(field.names))).all()):
            raise UserError(f"a caption's words are 0 to {len(field.names) - 1}, not {tokens.tolist()}")
        return tokens
    words = str(value).lower().split()
    unknown = [word for word in words if word not in field.names]
    if unknown:
        have = ", ".join(field.names[1:])
        raise UserError(f"no caption has the word {unknown[0]!r}{did_you_mean(unknown[0], field.names)} Words: {have}")
    if len(words) > field.size:
        raise UserError(f"a caption has at most {field.size} words, not {len(words)}")
    indices = [field.names.index(word) for word in words]
    return torch.tensor(indices + [0] * (field.size - len(words)))


def _read_image(field: Field, value: Any) -> Tensor:
    if isinstance(value, Image.Image | Path | str):
        return read_image(field, value)
    return _read_tensor(field, value)


def _read_tensor(field: Field, value: Any) -> Tensor:
    if not isinstance(value, Tensor) or tuple(value.shape) != field.shape:
        raise UserError(f"a condition must be a tensor of shape {field.shape}")
    return value


def _example(field: Field) -> str:
    words = [name for name in field.names if not name.startswith("<")]
    what = "attributes with + between them, out of" if field.kind == "vector" else "a caption of the words"
    return f"{what}: {', '.join(words)}" if words else f"a tensor of shape {field.shape}"
