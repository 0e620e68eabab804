"""Pictures of a run: image grids, scatter plots, curves and the animation."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor
from torch.nn.functional import interpolate

from ganzoo.catalogue.data import Field
from ganzoo.storage.files import open_file
from ganzoo.text import one_line, printable

GAP, PAPER, INK = 3, "#8fa3bf", "black"  # the paper is neither black nor white, so that every tile has a visible edge
FRAME, LAST_FRAME = 200, 1000  # milliseconds
MIN_TILE = 48  # pixels; smaller examples are enlarged by an integer factor

MAX_SERIES, MAX_LABEL = 24, 60  # curves in one panel, and characters of a name
MAX_FRAME = 2**26  # pixels
GROUPS = 3  # of input, output and truth beside each other


def to_uint8(images: Tensor) -> Tensor:
    """Return images (B, C, H, W) in [-1, 1] as uint8 in 0 … 255 on the CPU; values outside are clamped.

    >>> to_uint8(torch.tensor([[[[-1.0, 0.0, 1.0, 2.0]]]])).tolist()
    [[[[0, 128, 255, 255]]]]
    """
    return images.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).cpu()


def to_pil(image: Tensor) -> Image.Image:
    """Return one uint8 image (C, H, W), with 1 or at least 3 channels, as a grey or an RGB picture."""
    channels = image.shape[0]
    array = image.permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(array[:, :, 0] if channels == 1 else array[:, :, :3])


def grid(images: Tensor, columns: int, headings: Sequence[str] = ()) -> Image.Image:
    """Return a picture of images (B, C, H, W) in [-1, 1] in rows of ``columns``, with a heading above each column."""
    pixels = to_uint8(images)
    scale = max(1, -(-MIN_TILE // max(pixels.shape[2:])))
    height, width = pixels.shape[2] * scale, pixels.shape[3] * scale
    rows = -(-len(pixels) // columns)
    letters = max(11, width // 5)
    font = ImageFont.load_default(letters)
    top = letters + 6 if headings else 0
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP + top), PAPER)
    for place, image in enumerate(pixels):
        tile = to_pil(image).convert("RGB").resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(tile, (GAP + place % columns * (width + GAP), top + GAP + place // columns * (height + GAP)))
    pen = ImageDraw.Draw(sheet)
    for column, text in enumerate(map(printable, headings[:columns])):
        middle = GAP + column * (width + GAP) + width // 2
        pen.text((middle, top // 2), _fit(text, font, width), fill=INK, font=font, anchor="mm")
    return sheet


def _fit(text: str, font: Any, width: int) -> str:
    while len(text) > 1 and font.getlength(text) > width:
        text = text[:-1]
    return text


def scatter(points: Tensor, real: Tensor | None = None) -> Image.Image:
    """Return a scatter plot of the first two coordinates of points (B, F), on top of those of ``real`` (N, F)."""
    clouds = [(points, "generated", "#d1495b")]
    if real is not None:
        clouds.insert(0, (real, "data", "#b0b0b0"))

    def plot(axes: Any) -> None:
        for cloud, name, colour in clouds:
            flat = torch.cat([cloud, cloud], dim=1)[:, :2].numpy()
            axes.scatter(flat[:, 0], flat[:, 1], s=5, alpha=0.5, linewidths=0, color=colour, label=name)
        reach = 1.4 * float(clouds[0][0].abs().max().clamp_min(1e-3))
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.legend(loc="upper right", frameon=False)

    return _figure(plot, (5, 5))


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

    return _figure(plot, (8, 3 * len(panels)), rows=len(panels))


def _terms(row: Mapping[str, Any]) -> dict[str, float]:
    return {f"{phase} {name}": value for phase, terms in row["terms"].items() for name, value in terms.items()}


def _series(rows: Sequence[Mapping[str, Any]], of: Callable[[Any], Mapping[str, float]]) -> dict[str, list[float]]:
    names = islice(dict.fromkeys(name for row in rows for name in of(row)), MAX_SERIES)
    return {name: [of(row).get(name, float("nan")) for row in rows] for name in names}


def _figure(plot: Callable[..., None], inches: tuple[float, float], rows: int = 1) -> Image.Image:
    # Figure instead of pyplot: no global state, no window system, nothing to close.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    # A dollar sign in a name must not start a formula, nor a matplotlibrc in the current folder start TeX.
    with rc_context({"text.parse_math": False, "text.usetex": False}):
        figure = Figure(figsize=inches, dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        plot(*figure.subplots(rows, 1, squeeze=False)[:, 0])
        figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def draw_examples(
    examples: Tensor,
    output: Field,
    condition: Tensor | None,
    condition_field: Field | None,
    columns: int,
    real: Tensor | None = None,
    truth: Tensor | None = None,
) -> Image.Image:
    """Return a picture of generated ``examples`` (B, …) of the field ``output``.

    Images form a grid, with class names above columns that hold one class each; other fields form a scatter plot. If
    the condition is an image, each example is beside its input, and beside the ``truth`` (B, …) if that is known.
    """
    if output.kind != "image":
        return scatter(examples, real)
    if condition is not None and condition_field is not None and condition_field.kind == "image":
        return _side_by_side(examples, condition, truth)
    return grid(examples, columns, column_headings(condition, condition_field, columns))


def _side_by_side(examples: Tensor, inputs: Tensor, truth: Tensor | None) -> Image.Image:
    """Return a grid in which input, output and truth of an example are beside each other."""
    groups = {"input": inputs, "output": examples} | ({"truth": truth} if truth is not None else {})
    channels = max(values.shape[1] for values in groups.values())
    tiles = [interpolate(values.float(), examples.shape[2:]).expand(-1, channels, -1, -1) for values in groups.values()]
    across = GROUPS if len(examples) >= GROUPS else len(examples)
    return grid(torch.stack(tiles, dim=1).flatten(0, 1), across * len(groups), [*groups] * across)


def column_headings(condition: Tensor | None, field: Field | None, columns: int) -> list[str]:
    """Return the class names of the columns of ``condition`` (B,), or none if a column holds several classes."""
    if condition is None or field is None or field.kind != "class":
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


def _frame(picture: Path) -> Image.Image:
    try:
        # Only PNG: Pillow starts other programs to read some formats.
        with open_file(picture) as file, Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > MAX_FRAME:
                raise ValueError(f"{image.width}×{image.height} pixels are too many")
            return image.convert("P", palette=Image.Palette.ADAPTIVE)
    except Exception as problem:  # Pillow raises many types of exception for a damaged file
        raise OSError(errno.EINVAL, f"{picture.name} is not a picture of a run: {one_line(problem)}") from problem


def png(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
