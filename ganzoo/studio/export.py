"""Export of samples as a grid image, as arrays or as a folder of images."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.contract.field_values import values_of
from ganzoo.drawing import png
from ganzoo.errors import UserError
from ganzoo.pictures import animate_examples, column_headings, draw_examples
from ganzoo.storage.files import make_folder, write_atomically
from ganzoo.text import in_file_name

SUFFIXES = (".png", ".npz")


def check_destination(out: Path, output: Field) -> None:
    """Raise :class:`UserError` where samples of ``output`` cannot be written to ``out``."""
    values = values_of(output)
    known = [*SUFFIXES, values.animation] if values.animation else [*SUFFIXES]
    suffix = _suffix(out)
    if suffix and suffix not in known:
        raise UserError(f"samples cannot be written as {suffix}: use {', '.join(known)}, or a folder (no suffix)")
    if not suffix and not values.suffix:
        raise UserError(
            f"a folder holds one file for each example, and this model generates {output.describe()}: "
            f"use {' or '.join(known)}"
        )
    with write_errors(out):
        if not suffix and out.is_dir() and any(out.iterdir()):
            raise UserError(f"the folder {out} is not empty: choose another --out")
        if out.is_dir() and suffix:
            raise UserError(f"{out} is a folder: choose another --out")


def _suffix(out: Path) -> str:
    """Return the suffix that says what to write, or nothing for a folder: ``v1.2`` is the name of a version."""
    suffix = out.suffix.lower()
    return "" if suffix[1:].isdecimal() else suffix


def write_samples(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    """Write samples to a ``.png`` grid, a ``.npz`` file, a moving picture, or a folder of a file for each example.

    Equal input gives equal bytes.

    Raises :class:`UserError` where ``out`` cannot be written.
    """
    check_destination(out, output)
    writers = {".png": _write_grid, ".npz": _write_arrays, "": _write_folder}
    with write_errors(out):
        make_folder(out.parent)
        writers.get(_suffix(out), _write_animation)(out, made, output, conditions, condition)


def check_file(out: Path, suffixes: Sequence[str]) -> None:
    """Raise :class:`UserError` unless ``out`` ends with one of the suffixes, and is no folder."""
    if out.suffix.lower() not in suffixes:
        raise UserError(f"{out} must end with {' or '.join(suffixes)}: choose another --out")
    with write_errors(out):
        if out.is_dir():
            raise UserError(f"{out} is a folder: choose another --out")


@contextmanager
def write_errors(out: Path) -> Iterator[None]:
    """Turn an ``OSError`` of the block into a :class:`UserError` that names ``out``."""
    try:
        yield
    except OSError as problem:
        raise UserError(f"{out} cannot be written: {problem.strerror or problem}; choose another --out") from problem


def columns_for(count: int, conditions: Tensor | None, condition: Field | None) -> int:
    """Return the columns of a grid: one a class where labels go round, else about as many as rows."""
    if conditions is not None and condition is not None and condition.classes:
        period = len(torch.unique(conditions))
        if count >= period and torch.equal(conditions[: count - period], conditions[period:]):
            return min(count, period if period >= 8 else -(-8 // period) * period)
    return max(1, math.isqrt(count))


def _write_grid(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    columns = columns_for(len(made), conditions, condition)
    write_atomically(out, png(draw_examples(made, output, conditions, condition, columns)))


def _write_animation(
    out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None
) -> None:
    columns = columns_for(len(made), conditions, condition)
    buffer = io.BytesIO()
    animate_examples(made, output, columns, column_headings(conditions, condition, columns), buffer)
    write_atomically(out, buffer.getvalue())


def _write_arrays(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    arrays = {f"{output.kind}s": values_of(output).to_array(made)}
    if conditions is not None and condition is not None:
        values = values_of(condition)
        arrays["inputs" if values.inputs else "labels"] = values.to_array(conditions)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(out, buffer.getvalue())


def _write_folder(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    make_folder(out)
    values = values_of(output)
    with ExitStack() as undone:
        for number, example in enumerate(made):
            name = f"{number:05d}"
            if conditions is not None and condition is not None and condition.classes:
                name += f"-{in_file_name(condition.class_name(int(conditions[number])))}"
            path = out / f"{name}{values.suffix}"
            undone.callback(path.unlink, missing_ok=True)
            write_atomically(path, values.encode(example))
        # All are written. After an error, those written so far are deleted, so that the command can be repeated.
        undone.pop_all()
