"""Pictures of walks: a strip of steps, or an animation, with the step or value written on each frame."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ganzoo.catalogue.data import Field
from ganzoo.contract.field_values import FieldValues, values_of
from ganzoo.drawing import GAP, INK, PAPER, figure, grid, png
from ganzoo.errors import UserError
from ganzoo.lettering import write
from ganzoo.pictures import column_headings
from ganzoo.storage.files import make_folder, write_atomically
from ganzoo.studio.export import check_file, write_errors
from ganzoo.studio.walk import Walk, path, shares

SUFFIXES = (".gif", ".png", ".mp4")
FRAME, PER_SECOND = 80, 12  # milliseconds of a frame of a GIF; frames of an MP4 in a second
LETTERS, BAND = 14, 24  # pixels of a letter, and of the line above a frame
NARROWEST = 260  # pixels of a frame, so that its text has room
MARGIN, WIDEST = 80, 240  # pixels for the names of rows, at least and at most
ACROSS = 8  # examples beside each other in a frame
PATHS, DOTS = 64, 500  # points whose paths are drawn, and that are drawn in each step


def check_walk(out: Path) -> None:
    """Raise :class:`UserError` where a walk cannot be written to ``out``."""
    check_file(out, SUFFIXES)
    if out.suffix.lower() == ".mp4":
        _video_library()


def write_walk(out: Path, walk: Walk, frames: int) -> None:
    """Write ``frames`` steps of a walk to a ``.png`` strip, or, there and back, to a ``.gif`` or an ``.mp4``.

    Equal input gives equal bytes. Raises :class:`UserError` where ``out`` cannot be written.
    """
    check_walk(out)
    steps = path(walk, frames)
    draw = {".png": _strip_file, ".gif": _gif, ".mp4": _mp4}[out.suffix.lower()]
    content = draw(walk, steps)
    with write_errors(out):
        make_folder(out.parent)
        write_atomically(out, content)


def _strip_file(walk: Walk, steps: Sequence[Tensor]) -> bytes:
    output = walk.start.model.output
    marks = [walk.mark(share) for share in shares(len(steps))]
    if not values_of(output).tiled:
        return png(titled(_paths(steps, marks), walk.title))
    return png(titled(strip(values_of(output), steps, marks, _names(walk)), walk.title))


def _names(walk: Walk) -> list[str]:
    """Return the names of the rows: the conditions of the examples, where a walk has one for each."""
    conditions, field = walk.start.conditions, walk.start.model.condition
    if conditions is None or field is None:
        return []
    return [values_of(field).word(one) for one in conditions]


def strip(values: FieldValues, steps: Sequence[Tensor], marks: Sequence[str], names: Sequence[str]) -> Image.Image:
    """Return a grid with a column for each of the steps (count, …), and a row, with its name, for each example."""
    tiles = [values.tiles(step) for step in steps]
    sheet = grid(torch.stack(tiles, dim=1).flatten(0, 1), len(steps), marks)
    if not any(names):
        return sheet
    height = grid(tiles[0][:1], 1).height - GAP
    top = sheet.height - height * len(names) - GAP
    margin = min(WIDEST, max(MARGIN, 9 * max(map(len, names))))
    wide = Image.new("RGB", (sheet.width + margin, sheet.height), PAPER)
    wide.paste(sheet, (margin, 0))
    pen = ImageDraw.Draw(wide)
    for row, name in enumerate(names):
        write(pen, (margin / 2, top + GAP + (row + 0.5) * height), name, LETTERS, margin - 8, INK)
    return wide


def frames_of(walk: Walk, steps: Sequence[Tensor]) -> list[Image.Image]:
    """Return one picture for each step, with the step or the value written on it."""
    output, start = walk.start.model.output, walk.start
    values = values_of(output)
    reach = max(float(step.abs().max()) for step in steps)
    texts = [f"{walk.title}: {walk.mark(share)}" for share in shares(len(steps))]
    pictures = [_frame(values, step, start.conditions, start.model.condition, reach) for step in steps]
    return [titled(picture, text) for picture, text in zip(pictures, texts, strict=True)]


def _frame(
    values: FieldValues, step: Tensor, conditions: Tensor | None, condition: Field | None, reach: float
) -> Image.Image:
    if not values.tiled:
        return _points([step], ["black"], reach)
    columns = min(len(step), ACROSS)
    return grid(values.tiles(step), columns, column_headings(conditions, condition, columns))


def titled(picture: Image.Image, text: str) -> Image.Image:
    """Return a picture with a line of text above it, wide enough to read."""
    width = max(picture.width, NARROWEST)
    sheet = Image.new("RGB", (width, picture.height + BAND), PAPER)
    sheet.paste(picture, ((width - picture.width) // 2, BAND))
    write(ImageDraw.Draw(sheet), (width / 2, BAND / 2), text, LETTERS, width - 12, INK)
    return sheet


def _paths(steps: Sequence[Tensor], marks: Sequence[str]) -> Image.Image:
    """Return the points of every step, in colours from dark to light, and the paths of some of them."""
    from matplotlib import colormaps

    colours = [colormaps["viridis"](0.9 * share) for share in shares(len(steps))]
    reach = max(float(step.abs().max()) for step in steps)
    return _points([step[:DOTS] for step in steps], colours, reach, [marks[0], *[""] * (len(marks) - 2), marks[-1]])


def _points(steps: Sequence[Tensor], colours: Sequence[Any], reach: float, names: Sequence[str] = ()) -> Image.Image:
    flat = [torch.cat([step.flatten(1)] * 2, dim=1)[:, :2].float() for step in steps]  # one coordinate is drawn twice
    limit = 1.1 * max(reach, 1e-3)

    def plot(axes: Any) -> None:
        if len(flat) > 1:
            lines = torch.stack(flat)[:, :PATHS]
            axes.plot(lines[..., 0].numpy(), lines[..., 1].numpy(), color="#c0c0c0", linewidth=0.5, zorder=0)
        for number, (cloud, colour) in enumerate(zip(flat, colours, strict=True)):
            name = names[number] if names else ""
            axes.scatter(*cloud.T.numpy(), s=4, linewidths=0, color=[colour], label=name or None)
        axes.set(xlim=(-limit, limit), ylim=(-limit, limit), aspect="equal")
        if names:
            axes.legend(loc="upper right", frameon=False, markerscale=3)

    return figure(plot, (5, 5))


def _there_and_back(pictures: list[Image.Image]) -> list[Image.Image]:
    return [*pictures, *pictures[-2:0:-1]]


def _gif(walk: Walk, steps: Sequence[Tensor]) -> bytes:
    first, *others = [
        picture.convert("P", palette=Image.Palette.ADAPTIVE) for picture in _there_and_back(frames_of(walk, steps))
    ]
    buffer = io.BytesIO()
    first.save(buffer, format="GIF", save_all=True, append_images=others, duration=FRAME, loop=0)
    return buffer.getvalue()


def _mp4(walk: Walk, steps: Sequence[Tensor]) -> bytes:
    av = _video_library()
    pictures = _there_and_back(frames_of(walk, steps))
    buffer = io.BytesIO()
    with av.open(buffer, mode="w", format="mp4") as container:
        # One thread: with several of them, equal pictures need not give equal bytes.
        stream = container.add_stream("libx264", rate=PER_SECOND, options={"threads": "1", "crf": "18"})
        stream.pix_fmt = "yuv420p"
        stream.width, stream.height = (size + size % 2 for size in pictures[0].size)  # the format has even sides
        for picture in pictures:
            even = Image.new("RGB", (stream.width, stream.height), PAPER)
            even.paste(picture, (0, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(even)))
        container.mux(stream.encode())
    return buffer.getvalue()


def _video_library() -> Any:
    """Return the library that writes videos; raises :class:`UserError` where it is not installed."""
    try:
        import av
    except ImportError as problem:
        raise UserError(
            "an .mp4 needs the package av: run pip install 'ganzoo[video]', or choose a .gif for --out"
        ) from problem
    return av
