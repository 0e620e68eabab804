"""Export of samples as a grid image, as arrays or as a folder of images."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.contract.field_values import values_of
from ganzoo.drawing import MIN_TILE, enlarged, png
from ganzoo.errors import UserError
from ganzoo.pictures import animate_examples, column_headings, draw_examples, words_of
from ganzoo.storage.files import make_folder, write_atomically
from ganzoo.text import in_file_name, one_line

SUFFIXES = (".png", ".npz")
PLACEHOLDERS = ("label", "number")


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
    with _write_errors(out):
        if not suffix and out.is_dir() and any(out.iterdir()):
            raise UserError(f"the folder {out} is not empty: choose another --out")
        if out.is_dir() and suffix:
            raise UserError(f"{out} is a folder: choose another --out")


def _suffix(out: Path) -> str:
    """Return the suffix that says what to write, or nothing for a folder: ``v1.2`` is the name of a version."""
    suffix = out.suffix.lower()
    return "" if suffix[1:].isdecimal() else suffix


@dataclass(frozen=True)
class Look:
    """How samples look: a title above each image of a grid, such as ``Digit: {label}``, and their least size in pixels.

    ``{label}`` is the condition of an image, ``{number}`` its place from 0.
    """

    titles: str = ""
    enlarge: int = 0

    def refuse(self, out: Path, output: Field, condition: Field | None) -> None:
        """Raise :class:`UserError` where samples in ``out`` cannot look like this."""
        grid, folder = _suffix(out) == ".png", not _suffix(out)
        if self.titles and not (grid and values_of(output).tiled):
            raise UserError("--titles is for a grid of images: give --out FILE.png, or leave out --titles")
        if self.enlarge and not (values_of(output).tiled and (grid or (folder and values_of(output).suffix == ".png"))):
            raise UserError("--enlarge is for images: give --out FILE.png or a folder, or leave out --enlarge")
        for name in re.findall(r"\{(\w*)\}", self.titles):
            if name not in PLACEHOLDERS:
                raise UserError(f"--titles has {{{one_line(name)}}}, which is none of {{label}} and {{number}}")
        if "{label}" in self.titles and condition is None:
            raise UserError("this model is unconditional, so that --titles can have {number} and no {label}")

    def titles_of(self, count: int, conditions: Tensor | None, condition: Field | None) -> list[str]:
        """Return the title of each image."""
        if not self.titles:
            return []
        labels = words_of(conditions, condition) or [""] * count
        return [
            self.titles.replace("{number}", str(number)).replace("{label}", label)
            for number, label in enumerate(labels)
        ]


PLAIN = Look()


def write_samples(
    out: Path,
    made: Tensor,
    output: Field,
    conditions: Tensor | None,
    condition: Field | None,
    look: Look = PLAIN,
) -> None:
    """Write samples to a ``.png`` grid, a ``.npz`` file, a moving picture, or a folder of a file for each example.

    Equal input gives equal bytes.

    Raises :class:`UserError` where ``out`` cannot be written.
    """
    check_destination(out, output)
    look.refuse(out, output, condition)
    writers = {".png": _write_grid, ".npz": _write_arrays, "": _write_folder}
    with _write_errors(out):
        make_folder(out.parent)
        writers.get(_suffix(out), _write_animation)(out, made, output, conditions, condition, look)


@contextmanager
def _write_errors(out: Path) -> Iterator[None]:
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


def _write_grid(
    out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None, look: Look
) -> None:
    columns = columns_for(len(made), conditions, condition)
    titles = look.titles_of(len(made), conditions, condition)
    least = look.enlarge or MIN_TILE
    picture = draw_examples(made, output, conditions, condition, columns, titles=titles, least=least)
    write_atomically(out, png(picture))


def _write_animation(
    out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None, look: Look
) -> None:
    columns = columns_for(len(made), conditions, condition)
    buffer = io.BytesIO()
    animate_examples(made, output, columns, column_headings(conditions, condition, columns), buffer)
    write_atomically(out, buffer.getvalue())


def _write_arrays(
    out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None, look: Look
) -> None:
    arrays = {f"{output.kind}s": values_of(output).to_array(made)}
    if conditions is not None and condition is not None:
        values = values_of(condition)
        arrays["inputs" if values.inputs else "labels"] = values.to_array(conditions)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(out, buffer.getvalue())


def _write_folder(
    out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None, look: Look
) -> None:
    make_folder(out)
    values = values_of(output)
    with ExitStack() as undone:
        for number, example in enumerate(made):
            name = f"{number:05d}"
            if conditions is not None and condition is not None and condition.classes:
                name += f"-{in_file_name(condition.class_name(int(conditions[number])))}"
            path = out / f"{name}{values.suffix}"
            undone.callback(path.unlink, missing_ok=True)
            content = values.encode(example)
            write_atomically(path, enlarged(content, look.enlarge) if look.enlarge else content)
        # All are written. After an error, those written so far are deleted, so that the command can be repeated.
        undone.pop_all()
