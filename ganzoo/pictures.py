"""Drawing examples and curves for people."""

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

from ganzoo.catalogue.data import Field
from ganzoo.storage.files import open_file
from ganzoo.text import one_line, printable

GAP, PAPER, INK = 3, "#8fa3bf", "black"  # neither black nor white, so that no stroke runs into the next tile
FRAME, LAST_FRAME = 200, 1000  # milliseconds
SMALLEST_TILE = 48  # pixels; smaller examples are enlarged by a whole factor so that people can see them

SERIES, LETTERS = 24, 60  # of a panel of curves, and of a name there
LARGEST_FRAME = 2**26  # pixels


def to_uint8(images: Tensor) -> Tensor:
    """Map images (B, C, H, W) in [-1, 1] to uint8 in 0 … 255."""
    return images.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).cpu()


def to_pil(image: Tensor) -> Image.Image:
    """Return one uint8 image (C, H, W), grey or colour, as a picture."""
    channels = image.shape[0]
    array = image.permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(array[:, :, 0] if channels == 1 else array[:, :, :3])


def grid(images: Tensor, columns: int, headings: Sequence[str] = ()) -> Image.Image:
    """Lay images (B, C, H, W) in [-1, 1] out in rows of ``columns``, with a heading over each column."""
    pixels = to_uint8(images)
    scale = max(1, -(-SMALLEST_TILE // max(pixels.shape[2:])))
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
    """Draw points (B, F), over real ones (N, F) where there are any, their first two coordinates."""
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
    """Draw the losses by term, the watched values and the scores of metrics rows against the step."""
    scored = [row for row in rows if row.get("scores")]
    panels = [
        ("loss", rows, _series(rows, _terms)),
        ("watched values", rows, _series(rows, lambda row: row["values"])),
        # A panel for each score, for their scales have nothing in common.
        *((label, scored, {label: values}) for label, values in _series(scored, lambda row: row["scores"]).items()),
    ]

    def plot(*every: Any) -> None:
        for axes, (title, shown, series) in zip(every, panels, strict=True):
            for name, values in series.items():
                axes.plot([row["step"] for row in shown], values, label=one_line(name, LETTERS), linewidth=1)
            axes.set_ylabel(one_line(title, LETTERS))
            axes.grid(alpha=0.3)
            if series:
                axes.legend(fontsize="small", frameon=False)
        every[-1].set_xlabel("step")

    return _figure(plot, (8, 3 * len(panels)), rows=len(panels))


def _terms(row: Mapping[str, Any]) -> dict[str, float]:
    return {f"{phase} {name}": value for phase, terms in row["terms"].items() for name, value in terms.items()}


def _series(rows: Sequence[Mapping[str, Any]], of: Callable[[Any], Mapping[str, float]]) -> dict[str, list[float]]:
    names = islice(dict.fromkeys(name for row in rows for name in of(row)), SERIES)
    return {name: [of(row).get(name, float("nan")) for row in rows] for name in names}


def _figure(plot: Callable[..., None], inches: tuple[float, float], rows: int = 1) -> Image.Image:
    # Figure rather than pyplot: no global state, no window system, nothing to close.
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    # A dollar sign in a name is no formula, and a matplotlibrc, which may lie where one works, starts no TeX.
    with rc_context({"text.parse_math": False, "text.usetex": False}):
        figure = Figure(figsize=inches, dpi=100, layout="constrained")
        FigureCanvasAgg(figure)
        plot(*figure.subplots(rows, 1, squeeze=False)[:, 0])
        figure.savefig(buffer, format="png")
    return Image.open(buffer).convert("RGB")


def draw_examples(
    made: Tensor,
    output: Field,
    condition: Tensor | None,
    condition_field: Field | None,
    columns: int,
    real: Tensor | None = None,
) -> Image.Image:
    """Draw examples (B, …) of field ``output``, under headings where every column is one class."""
    if output.kind != "image":
        return scatter(made, real)
    return grid(made, columns, column_headings(condition, condition_field, columns))


def column_headings(condition: Tensor | None, field: Field | None, columns: int) -> list[str]:
    """Return the class names of the columns, or nothing where a column holds more than one class."""
    if condition is None or field is None or field.kind != "class":
        return []
    first = condition[:columns]
    if not all(torch.equal(row, first[: len(row)]) for row in condition.split(columns)):
        return []
    return [field.class_name(int(label)) for label in first]


def animate(pictures: Sequence[Path], file: IO[bytes]) -> None:
    """Write PNG files of one size as an animated GIF that stays on the last one for a while; raises ``OSError``."""
    frames = list(map(_frame, pictures))
    durations = [FRAME] * (len(frames) - 1) + [LAST_FRAME]
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


def _frame(picture: Path) -> Image.Image:
    try:
        # Of other formats than PNG some start other programs.
        with open_file(picture) as file, Image.open(file, formats=("PNG",)) as image:
            if image.width * image.height > LARGEST_FRAME:
                raise ValueError(f"{image.width}×{image.height} pixels are too many")
            return image.convert("P", palette=Image.Palette.ADAPTIVE)
    except Exception as problem:  # a damaged file makes Pillow raise almost anything
        raise OSError(errno.EINVAL, f"{picture.name} is no picture of a run: {one_line(problem)}") from problem


def png(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()
