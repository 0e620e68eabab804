"""Pictures of tensors: image grids and scatter plots."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ganzoo.lettering import write

GAP, PAPER, INK = 3, "#8fa3bf", "black"  # the paper is neither black nor white, so that every tile has a visible edge
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


def grid(images: Tensor, columns: int, headings: Sequence[str] = ()) -> Image.Image:
    """Return a picture of images (B, C, H, W) in [-1, 1] in rows of ``columns``, with a heading above each column."""
    pixels = to_uint8(images)
    scale = max(1, -(-MIN_TILE // max(pixels.shape[2:])))
    height, width = pixels.shape[2] * scale, pixels.shape[3] * scale
    rows = -(-len(pixels) // columns)
    letters = max(11, width // 5)
    top = letters + 6 if headings else 0
    sheet = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP + top), PAPER)
    for place, image in enumerate(pixels):
        tile = to_pil(image).resize((width, height), Image.Resampling.NEAREST)
        corner = GAP + place % columns * (width + GAP), top + GAP + place // columns * (height + GAP)
        sheet.paste(tile, corner, mask=tile if tile.mode == "RGBA" else None)
    pen = ImageDraw.Draw(sheet)
    for column, text in enumerate(headings[:columns]):
        write(pen, (GAP + column * (width + GAP) + width / 2, top / 2), text, letters, width, INK)
    return sheet


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
