"""Pictures of a run: generated examples, curves and the animation."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from ganzoo.catalogue.data import Field
from ganzoo.contract.field_values import values_of
from ganzoo.drawing import MIN_TILE, figure, grid
from ganzoo.storage.files import open_file
from ganzoo.text import one_line

FRAME, LAST_FRAME, MOMENT = 200, 1000, 125  # milliseconds
MAX_SERIES, MAX_LABEL = 24, 60  # curves in one panel, and characters of a name
SHORT = 8  # letters that fit above the smallest image
MAX_FRAME = 2**26  # pixels
GROUPS = 3  # of input, output and truth beside each other


def curves(rows: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Return curves of the loss terms, the values and the scores in ``metrics.jsonl`` rows against the step."""
    scored = [row for row in rows if row.get("scores")]
    panels = [
        ("loss", rows, _series(rows, _terms)),
        ("watched values", rows, _series(rows, lambda row: row["values"])),
        # Each score has its own panel, because their scales differ.
        *((label, scored, {label: values}) for label, values in _series(scored, lambda row: row["scores"]).items()),
    ]

    def plot(*every: Any) -> None:
        for axes, (title, shown, series) in zip(every, panels, strict=True):
            for name, values in series.items():
                axes.plot([row["step"] for row in shown], values, label=one_line(name, MAX_LABEL), linewidth=1)
            axes.set_ylabel(one_line(title, MAX_LABEL))
            axes.grid(alpha=0.3)
            if series:
                axes.legend(fontsize="small", frameon=False)
        every[-1].set_xlabel("step")

    return figure(plot, (8, 3 * len(panels)), rows=len(panels))


def _terms(row: Mapping[str, Any]) -> dict[str, float]:
    return {f"{phase} {name}": value for phase, terms in row["terms"].items() for name, value in terms.items()}


def _series(rows: Sequence[Mapping[str, Any]], of: Callable[[Any], Mapping[str, float]]) -> dict[str, list[float]]:
    names = islice(dict.fromkeys(name for row in rows for name in of(row)), MAX_SERIES)
    return {name: [of(row).get(name, float("nan")) for row in rows] for name in names}


def draw_examples(
    examples: Tensor,
    output: Field,
    condition: Tensor | None,
    condition_field: Field | None,
    columns: int,
    real: Tensor | None = None,
    truth: Tensor | None = None,
    titles: Sequence[str] = (),
    least: int = MIN_TILE,
) -> Image.Image:
    """Return a picture of generated ``examples`` (B, …) of the field ``output``.

    The type of the field says how; there are class names above columns that hold one class each. If example and
    condition can both be seen as images, each example is beside its input, and beside the ``truth`` (B, …) if that is
    known. Without class names, ``titles`` stand above single images: by default their conditions, such as captions.
    Images have at least ``least`` pixels.
    """
    values = values_of(output)
    if condition is not None and condition_field is not None and values.tiled and values_of(condition_field).tiled:
        inputs = values_of(condition_field).tiles(condition)
        return _side_by_side(values.tiles(examples), inputs, values.tiles(truth) if truth is not None else None)
    headings = () if titles else column_headings(condition, condition_field, columns)
    if not titles and not headings:
        titles = words_of(condition, condition_field)
        if max(map(len, titles), default=0) > SHORT:
            least = max(least, 2 * MIN_TILE)
    if values.tiled and (titles or least != MIN_TILE):
        return grid(values.tiles(examples), columns, headings, titles, least)
    return values.draw(examples, columns, headings, real)


def _side_by_side(examples: Tensor, inputs: Tensor, truth: Tensor | None) -> Image.Image:
    """Return a grid in which input, output and truth of an example are beside each other."""
    groups = {"input": inputs, "output": examples} | ({"truth": truth} if truth is not None else {})
    channels = max(values.shape[1] for values in groups.values())
    tiles = [interpolate(values.float(), examples.shape[2:]).expand(-1, channels, -1, -1) for values in groups.values()]
    across = GROUPS if len(examples) >= GROUPS else len(examples)
    return grid(torch.stack(tiles, dim=1).flatten(0, 1), across * len(groups), [*groups] * across)


def words_of(condition: Tensor | None, field: Field | None) -> list[str]:
    """Return each condition of ``condition`` (B, …) as a word: a class, attributes or a caption; none without words."""
    if condition is None or field is None:
        return []
    words = [field.class_name(int(one)) if field.classes else values_of(field).word(one) for one in condition.cpu()]
    return words if any(words) else []


def column_headings(condition: Tensor | None, field: Field | None, columns: int) -> list[str]:
    """Return the class names of the columns of ``condition`` (B,), or none if a column holds several classes."""
    if condition is None or field is None or not field.classes:
        return []
    first = condition[:columns]
    if not all(torch.equal(row, first[: len(row)]) for row in condition.split(columns)):
        return []
    return [field.class_name(int(label)) for label in first]


def animate(pictures: Sequence[Path], file: IO[bytes]) -> None:
    """Write PNG files of equal size as an animated GIF, whose last frame stays longer; raises ``OSError``."""
    frames = list(map(_frame, pictures))
    durations = [FRAME] * (len(frames) - 1) + [LAST_FRAME]
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


def animate_examples(examples: Tensor, output: Field, columns: int, headings: Sequence[str], file: IO[bytes]) -> None:
    """Write the moments of ``examples`` (B, …), such as videos, as an animated GIF of grids."""
    grids = [grid(moment, columns, headings) for moment in values_of(output).frames(examples)]
    grids[0].save(file, format="GIF", save_all=True, append_images=grids[1:], duration=MOMENT, loop=0)


def _frame(picture: Path) -> Image.Image:
    try:
        # Only PNG: Pillow starts other programs to read some formats.
        with open_file(picture) as file, Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > MAX_FRAME:
                raise ValueError(f"{image.width}×{image.height} pixels are too many")
            return image.convert("P", palette=Image.Palette.ADAPTIVE)
    except Exception as problem:  # Pillow raises many types of exception for a damaged file
        raise OSError(errno.EINVAL, f"{picture.name} is not a picture of a run: {one_line(problem)}") from problem
