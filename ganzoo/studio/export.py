"""Export of samples as a grid image, as arrays or as a folder of images."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.errors import UserError
from ganzoo.pictures import draw_examples, png, to_pil, to_uint8
from ganzoo.storage.files import make_folder, write_atomically
from ganzoo.text import in_file_name

SUFFIXES = (".png", ".npz")


def check_destination(out: Path, output: Field) -> None:
    """Raise :class:`UserError` where samples of ``output`` cannot be written to ``out``."""
    if out.suffix and out.suffix.lower() not in SUFFIXES:
        raise UserError(f"samples cannot be written as {out.suffix}: use .png, .npz, or a folder (no suffix)")
    if not out.suffix and output.kind != "image":
        raise UserError(
            f"a folder can only hold images, and this model generates {output.describe()}: use .npz or .png"
        )
    with _write_errors(out):
        if not out.suffix and out.is_dir() and any(out.iterdir()):
            raise UserError(f"the folder {out} is not empty: choose another --out")
        if out.is_dir() and out.suffix:
            raise UserError(f"{out} is a folder: choose another --out")


def write_samples(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    """Write samples to a ``.png`` grid, a ``.npz`` file, or a folder of images; equal input gives equal bytes.

    Raises :class:`UserError` where ``out`` cannot be written.
    """
    check_destination(out, output)
    writers = {".png": _write_grid, ".npz": _write_arrays, "": _write_folder}
    with _write_errors(out):
        make_folder(out.parent)
        writers[out.suffix.lower()](out, made, output, conditions, condition)


@contextmanager
def _write_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as problem:
        raise UserError(f"{out} cannot be written: {problem.strerror or problem}; choose another --out") from problem


def columns_for(count: int, conditions: Tensor | None, condition: Field | None) -> int:
    """Return the columns of a grid: one a class where labels go round, else about as many as rows."""
    if conditions is not None and condition is not None and condition.kind == "class":
        period = len(torch.unique(conditions))
        if count >= period and torch.equal(conditions[: count - period], conditions[period:]):
            return min(count, period if period >= 8 else -(-8 // period) * period)
    return max(1, math.isqrt(count))


def _write_grid(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    columns = columns_for(len(made), conditions, condition)
    write_atomically(out, png(draw_examples(made, output, conditions, condition, columns)))


def _write_arrays(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    arrays = {f"{output.kind}s": _as_array(made, output)}
    if conditions is not None and condition is not None:
        images = condition.kind == "image"
        arrays["inputs" if images else "labels"] = _as_array(conditions, condition) if images else conditions.numpy()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    write_atomically(out, buffer.getvalue())


def _as_array(made: Tensor, output: Field) -> np.ndarray[tuple[int, ...], np.dtype[np.generic]]:
    if output.kind != "image":
        return made.numpy()
    pixels = to_uint8(made).permute(0, 2, 3, 1).contiguous().numpy()
    return pixels[..., 0] if pixels.shape[-1] == 1 else pixels


def _write_folder(out: Path, made: Tensor, output: Field, conditions: Tensor | None, condition: Field | None) -> None:
    make_folder(out)
    labelled = conditions is not None and condition is not None and condition.kind == "class"
    with ExitStack() as undone:
        for number, image in enumerate(to_uint8(made)):
            name = f"{number:05d}"
            if labelled:
                assert conditions is not None and condition is not None
                name += f"-{in_file_name(condition.class_name(int(conditions[number])))}"
            path = out / f"{name}.png"
            undone.callback(path.unlink, missing_ok=True)
            write_atomically(path, png(to_pil(image)))
        # All are written. After an error, those written so far are deleted, so that the command can be repeated.
        undone.pop_all()
