"""Pictures of tensors: image grids and scatter plots."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ganzoo.lettering import write

GAP, PAPER, INK = 3, "#8fa3bf", "black"  # the paper is neither black nor white, so that every tile has a visible edge
LIGHT, DARK, SQUARE = "#ffffff", "#c8c8c8", 6  # of the checkerboard behind what is transparent; pixels of a square
SMALL, LETTER, MOST_LINES = 14, 0.5, 3  # pixels of a title's letters, their usual width in their height, and lines
MIN_TILE = 48  # pixels; smaller examples are enlarged by an integer factor


def to_uint8(images: Tensor) -> Tensor:
    """Return images (B, C, H, W) in [-1, 1] as uint8 in 0 … 255 on the CPU; values outside are clamped.

    >>> to_uint8(torch.tensor([[[[-1.0, 0.0, 1.0, 2.0]]]])).tolist()
    [[[[0, 128, 255, 255]]]]
    """
    return images.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).cpu()


def to_pil(image: Tensor) -> Image.Image:
    """Return one uint8 image (C, H, W) as a picture: grey, RGB, or RGB with alpha; of more channels, the first three.

    >>> [to_pil(torch.zeros(channels, 2, 2, dtype=torch.uint8)).mode for channels in (1, 3, 4, 5)]
    ['L', 'RGB', 'RGBA', 'RGB']
    """
    channels = image.shape[0]
    array = image.permute(1, 2, 0).contiguous().numpy()
    return Image.fromarray(array[:, :, 0] if channels == 1 else array if channels == 4 else array[:, :, :3])


def grid(
    images: Tensor, columns: int, headings: Sequence[str] = (), titles: Sequence[str] = (), least: int = MIN_TILE
) -> Image.Image:
    """Return a picture of images (B, C, H, W) in [-1, 1] in rows of ``columns``.

    Each column has a heading; columns that all have the same one share it. ``titles`` stand above single images, which
    are enlarged to at least ``least`` pixels. What is transparent shows a checkerboard.
    """
    pixels = to_uint8(images)
    scale = max(1, -(-least // max(pixels.shape[2:])))
    height, width = pixels.shape[2] * scale, pixels.shape[3] * scale
    rows = -(-len(pixels) // columns)
    letters = max(11, width // 5)
    top, small = letters + 6 if headings else 0, min(letters, SMALL)
    wrapped = [textwrap.wrap(title, max(1, int(width / (LETTER * small))))[:MOST_LINES] for title in titles]
    band = max(map(len, wrapped), default=0) * (small + 3) + (3 if titles else 0)
    across, down = width + GAP, height + band + GAP
    sheet = Image.new("RGB", (columns * across + GAP, rows * down + GAP + top), PAPER)
    pen = ImageDraw.Draw(sheet)
    for place, image in enumerate(pixels):
        left, upper = GAP + place % columns * across, top + GAP + place // columns * down
        tile = to_pil(image).resize((width, height), Image.Resampling.NEAREST)
        sheet.paste(_on_checkerboard(tile) if tile.mode == "RGBA" else tile, (left, upper + band))
        for number, line in enumerate(wrapped[place] if place < len(titles) else ()):
            write(pen, (left + width / 2, upper + (number + 0.5) * (small + 3) + 1), line, small, width, INK)
    if len(headings) > 1 and len({*headings}) == 1:
        write(pen, (sheet.width / 2, top / 2), headings[0], letters, sheet.width - 2 * GAP, INK)
    else:
        for column, text in enumerate(headings[:columns]):
            write(pen, (GAP + column * across + width / 2, top / 2), text, letters, width, INK)
    return sheet


def _on_checkerboard(tile: Image.Image) -> Image.Image:
    board = Image.new("RGB", tile.size, LIGHT)
    pen = ImageDraw.Draw(board)
    for left in range(0, tile.width, SQUARE):
        for upper in range(left % (2 * SQUARE), tile.height, 2 * SQUARE):
            pen.rectangle((left, upper, left + SQUARE - 1, upper + SQUARE - 1), fill=DARK)
    board.paste(tile, mask=tile)
    return board


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

    return figure(plot, (5, 5))


def stacked(pictures: Sequence[Image.Image]) -> Image.Image:
    """Return pictures below each other."""
    if len(pictures) == 1:
        return pictures[0]
    size = max(picture.width for picture in pictures), sum(picture.height for picture in pictures)
    sheet, top = Image.new("RGB", size, PAPER), 0
    for picture in pictures:
        sheet.paste(picture, (0, top))
        top += picture.height
    return sheet


def figure(plot: Callable[..., None], inches: tuple[float, float], rows: int = 1) -> Image.Image:
    """Return a figure of ``rows`` panels, which ``plot`` is given, as a picture."""
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


def png(image: Image.Image) -> bytes:
    """Return a picture as the bytes of a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def enlarged(content: bytes, least: int) -> bytes:
    """Return a PNG file, enlarged by a whole factor so that its longer side has at least ``least`` pixels."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        scale = max(1, -(-least // max(image.size)))
        return png(image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST))
