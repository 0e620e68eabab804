"""Conditions from user input: a class, attributes, a caption, a file, or a tensor."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.contract.field_values import FieldValues, values_of
from ganzoo.errors import UserError
from ganzoo.paths import user_path
from ganzoo.storage.files import open_file
from ganzoo.text import natural_key, one_line


def read_conditions(field: Field, asked: Sequence[Any], count: int) -> Tensor:
    """Return conditions (count, …): the values in ``asked`` in turn, or all that there are in turn if it is empty.

    Where a field is read from files, a text is the path of one. Raises :class:`UserError` for what is no condition.
    """
    values = values_of(field)
    if not asked:
        return values.every(count)
    read = torch.stack([_read(values, value) for value in asked])
    return read[torch.arange(count) % len(read)]


def input_files(field: Field, path: Path) -> Sequence[Path]:
    """Return a file, or the files in a folder that may hold a condition, in natural order (2 before 10).

    Raises :class:`UserError` if there is none.
    """
    if not path.is_dir():
        return (path,)
    suffixes = values_of(field).inputs
    files = (file for file in path.iterdir() if file.is_file() and file.suffix.lower() in suffixes)
    found = sorted(files, key=lambda file: natural_key(file.name))
    if not found:
        raise UserError(f"the folder {path} has no files for this model: {', '.join(suffixes)}")
    return found


def _read(values: FieldValues, value: Any) -> Tensor:
    from_file = bool(values.inputs) and isinstance(value, Path | str)
    return value_in_file(values, user_path(value)) if from_file else values.read(value)


def value_in_file(values: FieldValues, path: Path) -> Tensor:
    """Return the value in a file; raises :class:`UserError` where it cannot be read."""
    with reading(path) as file:
        return values.decode(file)


def decoded(values: FieldValues, content: bytes) -> Tensor:
    """Return the value in the content of a file; raises :class:`UserError` where it cannot be read."""
    with _named("the file"):
        return values.decode(io.BytesIO(content))


@contextmanager
def reading(path: Path) -> Iterator[IO[bytes]]:
    """Open a file of the user; any error of the block that reads it becomes a :class:`UserError` that names it."""
    with _named(path), open_file(path) as file:
        yield file


@contextmanager
def _named(file: Path | str) -> Iterator[None]:
    """Turn any error of the block into a :class:`UserError` that names the file."""
    try:
        yield
    except UserError as problem:
        raise UserError(f"{file} cannot be used: {problem}") from problem
    except OSError as problem:
        # Pillow's own errors of this type have no reason of the system, and name objects of Python.
        reason = problem.strerror or one_line(problem).split(" <_io")[0]
        raise UserError(f"{file} cannot be read: {reason}") from problem
    except Exception as problem:  # Pillow raises many types of exception for a damaged file
        raise UserError(f"{file} is damaged, or not of a kind that is read: {one_line(problem)}") from problem
