"""Changes of images (B, C, H, W) whose size differs from example to example; each can be differentiated twice."""

from __future__ import annotations

import torch
from torch import Tensor

ALPHA = 4  # channels of an image with alpha, which comes last and is no colour


def column(values: Tensor) -> Tensor:
    """Return one number for each example (B,) as (B, 1, 1, 1), to be combined with images."""
    return values.view(-1, 1, 1, 1)


def colours(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the channels of colour, and the alpha channel or none: (B, K, H, W) and (B, C - K, H, W)."""
    kept = x.shape[1] - 1 if x.shape[1] == ALPHA else x.shape[1]
    return x[:, :kept], x[:, kept:]


def with_alpha(colour: Tensor, alpha: Tensor) -> Tensor:
    """Return images of channels of colour and an alpha channel, or of colour alone."""
    return torch.cat([colour, alpha], 1) if alpha.shape[1] else colour


def mirrored(x: Tensor, chosen: Tensor) -> Tensor:
    """Return x with left and right exchanged in the ``chosen`` (B,) examples."""
    return torch.where(column(chosen), x.flip(-1), x)


def translated(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Return x moved by whole pixels (B,); what comes in from outside is 0, as in DiffAugment.

    >>> x = torch.arange(1.0, 7).view(1, 1, 2, 3)
    >>> translated(x, torch.tensor([1]), torch.tensor([-1])).tolist()
    [[[[0.0, 0.0, 0.0], [2.0, 3.0, 0.0]]]]
    """
    height, width = x.shape[-2:]
    rows = torch.arange(height, device=x.device) - down[:, None]  # (B, H): where each row comes from
    columns = torch.arange(width, device=x.device) - right[:, None]
    inside = _within(rows, height)[:, None, :, None] & _within(columns, width)[:, None, None, :]
    index = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    return picked(x, index) * inside


def _within(numbers: Tensor, size: int) -> Tensor:
    return (numbers >= 0) & (numbers < size)


def picked(x: Tensor, index: Tensor) -> Tensor:
    """Return the pixels of x at ``index`` (B, H, W), counted row by row.

    Unlike those of ``grid_sample``, its gradient has a gradient, which penalties need, and is deterministic.
    """
    flat = index.flatten(1)[:, None].expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, flat).view_as(x)


def without_rectangle(x: Tensor, top: Tensor, left: Tensor, height: float, width: float) -> Tensor:
    """Return x with a rectangle of 0: its corner (B,) and its size in pixels; parts outside are ignored."""
    rows, columns = (torch.arange(size, device=x.device)[None] for size in x.shape[-2:])
    hit_rows = (rows >= top[:, None]) & (rows < top[:, None] + height)
    hit_columns = (columns >= left[:, None]) & (columns < left[:, None] + width)
    return x * ~(hit_rows[:, None, :, None] & hit_columns[:, None, None, :])


def resampled(x: Tensor, matrix: Tensor) -> Tensor:
    """Return x at other places: ``matrix`` (B, 3, 3) maps where a pixel of the result is to where its value is in x.

    Places are (right, down, 1) in pixels from the centre. Values between pixels are interpolated linearly, and those
    outside are reflected at the centres of the outermost pixels. A map of pixels to pixels returns the exact values.
    """
    height, width = x.shape[-2:]
    right = torch.arange(width, device=x.device) - (width - 1) / 2
    down = (torch.arange(height, device=x.device) - (height - 1) / 2)[:, None]
    # No matrix products: under autocast these would round places to 8 bits.
    first, second = (row[:, :, None, None] for row in (matrix[:, 0], matrix[:, 1]))
    columns = first[:, 0] * right + first[:, 1] * down + first[:, 2] + (width - 1) / 2
    rows = second[:, 0] * right + second[:, 1] * down + second[:, 2] + (height - 1) / 2
    column, next_column, along = _neighbours(columns, width)
    row, next_row, across = _neighbours(rows, height)
    upper = _mix(picked(x, row * width + column), picked(x, row * width + next_column), along)
    lower = _mix(picked(x, next_row * width + column), picked(x, next_row * width + next_column), along)
    return _mix(upper, lower, across)


def _neighbours(places: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the pixels before and behind each place (B, H, W), and how far the place is from the first of them."""
    last = max(size - 1, 1)
    reflected = last - (places.remainder(2 * last) - last).abs()
    before = reflected.floor()
    index = before.long().clamp(0, size - 1)
    return index, (index + 1).clamp(max=size - 1), (reflected - before)[:, None]


def _mix(one: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """Return one where the share of the other is 0: exactly, unlike ``lerp`` on some devices."""
    return one * (1 - share) + other * share


def product(one: Tensor, other: Tensor) -> Tensor:
    """Return the matrix products (B, 3, 3), in full precision also under autocast."""
    return (one[:, :, :, None] * other[:, None]).sum(2)


def affine(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Tensor:
    """Return matrices (B, 3, 3) with the rows (a, b, c), (d, e, f), (0, 0, 1), each number of them (B,)."""
    zero, one = torch.zeros_like(a), torch.ones_like(a)
    return torch.stack([a, b, c, d, e, f, zero, zero, one], 1).view(-1, 3, 3)


def scaling(right: Tensor, down: Tensor) -> Tensor:
    """Return matrices that scale by (B,) numbers."""
    zero = torch.zeros_like(right)
    return affine(right, zero, zero, zero, down, zero)


def moving(right: Tensor, down: Tensor) -> Tensor:
    """Return matrices that move by (B,) pixels."""
    zero, one = torch.zeros_like(right), torch.ones_like(right)
    return affine(one, zero, right, zero, one, down)


def turning(cosine: Tensor, sine: Tensor) -> Tensor:
    """Return matrices that turn by the angles (B,) with these cosines and sines."""
    zero = torch.zeros_like(cosine)
    return affine(cosine, -sine, zero, sine, cosine, zero)
