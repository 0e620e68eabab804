"""Export of samples as a grid image, as arrays or as a folder of images."""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.contract.field_values import Array, values_of
from ganzoo.drawing import MIN_TILE, enlarged, png
from ganzoo.errors import UserError
from ganzoo.evaluation.sampling import CHUNK
from ganzoo.pictures import animate_examples, column_headings, draw_examples, words_of
from ganzoo.storage.files import make_folder, replacing, write_atomically
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
    with write_errors(out):
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
    """How samples look: a title above each image of a grid, such as ``Digit: {label}``, their least size, the columns.

    ``{label}`` is the condition of an image, ``{number}`` its place from 0. ``enlarge`` is in pixels.
    """

    titles: str = ""
    enlarge: int = 0
    columns: int | None = None

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
    made: Tensor | Iterable[Tensor],
    output: Field,
    conditions: Tensor | None,
    condition: Field | None,
    look: Look = PLAIN,
    count: int | None = None,
) -> None:
    """Write samples to a ``.png`` grid, a ``.npz`` file, a moving picture, or a folder of a file for each example.

    ``made`` are all examples, or chunks of them, ``count`` together: files and arrays are written chunk by chunk.
    Equal input gives equal bytes.

    Raises :class:`UserError` where ``out`` cannot be written.
    """
    check_destination(out, output)
    look.refuse(out, output, condition)
    chunks, count = ([made], len(made)) if isinstance(made, Tensor) else (made, count)
    assert count is not None
    with write_errors(out):
        make_folder(out.parent)
        suffix = _suffix(out)
        if not suffix:
            _write_folder(out, chunks, output, conditions, condition, look)
        elif suffix == ".npz":
            _write_arrays(out, chunks, count, output, conditions, condition)
        else:
            write = _write_grid if suffix == ".png" else _write_animation
            write(out, torch.cat(list(chunks)), output, conditions, condition, look)


def check_file(out: Path, suffixes: Sequence[str]) -> None:
    """Raise :class:`UserError` unless ``out`` ends with one of the suffixes, and is no folder."""
    if out.suffix.lower() not in suffixes:
        raise UserError(f"{out} must end with {' or '.join(suffixes)}: choose another --out")
    with write_errors(out):
        if out.is_dir():
            raise UserError(f"{out} is a folder: choose another --out")


@contextmanager
def write_errors(out: Path) -> Iterator[None]:
    """Turn an error of writing ``out`` into a :class:`UserError` that names it."""
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
    titles = look.titles_of(len(made), conditions, condition)
    columns, least = _columns(look, made, conditions, condition), look.enlarge or MIN_TILE
    picture = draw_examples(made, output, conditions, condition, columns, titles=titles, least=least)
    write_atomically(out, png(picture))


def _columns(look: Look, made: Tensor, conditions: Tensor | None, condition: Field | None) -> int:
    return min(len(made), look.columns) if look.columns else columns_for(len(made), conditions, condition)


def _write_animation(
    out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None, look: Look
) -> None:
    buffer = io.BytesIO()
    columns = _columns(look, made, conditions, condition)
    animate_examples(made, output, columns, column_headings(conditions, condition, columns), buffer)
    write_atomically(out, buffer.getvalue())


def _write_arrays(
    out: Path,
    chunks: Iterable[Tensor],
    count: int,
    output: Field,
    conditions: Tensor | None,
    condition: Field | None,
) -> None:
    """Write what ``numpy.savez_compressed`` does, without holding all arrays."""
    with replacing(out) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        values = values_of(output)
        _write_array(archive, f"{output.kind}s", (values.to_array(chunk) for chunk in chunks), count)
        if conditions is not None and condition is not None:
            of_condition = values_of(condition)
            name = "inputs" if of_condition.inputs else "labels"
            _write_array(archive, name, (of_condition.to_array(part) for part in conditions.split(CHUNK)), count)


def _write_array(archive: zipfile.ZipFile, name: str, parts: Iterable[Array], count: int) -> None:
    """Write ``parts`` of an array with ``count`` rows; a zip file has the same date whenever it is written."""
    entry = zipfile.ZipInfo(f"{name}.npy")
    entry.compress_type = zipfile.ZIP_DEFLATED
    with archive.open(entry, "w", force_zip64=True) as member:
        for number, part in enumerate(parts):
            if number == 0:
                about = {"descr": np.lib.format.dtype_to_descr(part.dtype), "fortran_order": False}
                np.lib.format.write_array_header_2_0(member, {**about, "shape": (count, *part.shape[1:])})
            member.write(np.ascontiguousarray(part).data)


def _write_folder(
    out: Path,
    chunks: Iterable[Tensor],
    output: Field,
    conditions: Tensor | None,
    condition: Field | None,
    look: Look,
) -> None:
    make_folder(out)
    values = values_of(output)

    def path(number: int) -> Path:
        name = f"{number:05d}"
        if conditions is not None and condition is not None and condition.classes:
            name += f"-{in_file_name(condition.class_name(int(conditions[number])))}"
        return out / f"{name}{values.suffix}"

    number = -1
    try:
        for number, example in enumerate(example for chunk in chunks for example in chunk):
            content = values.encode(example)
            write_atomically(path(number), enlarged(content, look.enlarge) if look.enlarge else content)
    except BaseException:
        # So that the command can be repeated.
        for written in range(number + 1):
            path(written).unlink(missing_ok=True)
        raise
