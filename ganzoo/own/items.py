"""One example of a program's data set: a picture, an array or a tensor becomes a tensor (C, H, W) or (F,)."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.depth import deep_values, is_deep, own_limits, plain_picture
from ganzoo.errors import UserError

CHANNELS = (1, 3, 4)
_GREY = ("1", "L", "LA")
SHAPES = "an image is (H, W) or (C, H, W) with 1, 3 or 4 channels, and (H, W, C) only as a numpy array"
DTYPES = "give images as whole numbers, or as floating-point numbers in [0, 1] or [-1, 1]"
RANGE = "or say which numbers are black and white: dataset_range='MIN,MAX'"


class Item(NamedTuple):
    """An example as uint8, int64 or float32 (C, H, W), or as float32 (F,); and its label, or ``None``.

    ``transparent``: it was a picture with transparent pixels, which are now white.
    """

    value: Tensor
    label: int | None
    transparent: bool = False


def item_of(given: Any, owner: str) -> Item:
    """Return what an index of a data set gave; raises :class:`UserError`, naming ``owner``, if it is of no use."""
    if isinstance(given, tuple | list):
        if len(given) not in (1, 2):
            raise UserError(f"{owner} has {len(given)} parts: give (image, label), or the image alone")
        label = label_of(given[1], owner) if len(given) == 2 else None
        return Item(value_of(given[0], owner), label, _is_transparent(given[0]))
    return Item(value_of(given, owner), None, _is_transparent(given))


def value_of(given: Any, owner: str) -> Tensor:
    """Return an image (C, H, W) or a point (F,) as a tensor."""
    if isinstance(given, Image.Image):
        return _of_picture(given)
    if not isinstance(given, Tensor | np.ndarray):
        raise UserError(
            f"{owner} is of type {type(given).__name__}: give a PIL image, a tensor or a numpy array, or a pair of "
            "this and a label"
        )
    return batch_of(given[None], owner)[0]


def batch_of(given: Tensor | np.ndarray[Any, Any], owner: str) -> Tensor:
    """Return images as uint8, int64 or float32 (N, C, H, W), or points as float32 (N, F)."""
    values = tensor_of(given, owner)
    if values.is_complex():
        raise UserError(f"{owner} is of type {values.dtype}: {DTYPES}")
    if values.dim() not in (2, 3, 4):
        raise UserError(f"{owner} has shape {tuple(values.shape[1:])}: {SHAPES}; a point is (F,)")
    if values.dim() == 2 and not values.is_floating_point():
        raise UserError(f"{owner} is of type {values.dtype}, and points are floating-point numbers")
    if values.dim() == 3:
        values = values.unsqueeze(1)
    elif values.dim() == 4:
        if isinstance(given, np.ndarray) and values.shape[-1] in CHANNELS:
            values = values.permute(0, 3, 1, 2)
        if values.shape[1] not in CHANNELS:
            raise UserError(f"{owner} has shape {tuple(values.shape[1:])}: {SHAPES}")
    if values.dtype == torch.bool:
        return values.to(torch.uint8) * 255
    if values.dtype == torch.uint8:
        return values
    return values.float() if values.is_floating_point() else values.long()


def tensor_of(given: Tensor | np.ndarray[Any, Any], owner: str) -> Tensor:
    """Return a tensor on the CPU; raises :class:`UserError`, naming ``owner``, for an array that is none of numbers."""
    if isinstance(given, Tensor):
        return given.detach().cpu()
    try:
        # torch takes only arrays that can be written, without negative strides; others are copied.
        return torch.from_numpy(np.require(given, requirements=["C", "W"]))
    except TypeError as problem:
        raise UserError(f"{owner} is of type {given.dtype}: give numbers") from problem


def label_of(given: Any, owner: str) -> int:
    """Return a label as an integer; raises :class:`UserError`, naming ``owner``, if it is no single whole number."""
    try:
        return operator.index(given.reshape(()) if isinstance(given, np.ndarray) and given.size == 1 else given)
    except (TypeError, ValueError):
        found = f"label {given!r} of type {type(given).__name__}"
        if isinstance(given, Tensor | np.ndarray):
            found = f"label of type {given.dtype} and shape {tuple(given.shape)}"
        raise UserError(f"{owner} has a {found}: labels are whole numbers from 0 on") from None


def _is_transparent(given: Any) -> bool:
    if not isinstance(given, Image.Image) or not given.has_transparency_data:
        return False
    return given.convert("RGBA").getchannel("A").getextrema() != (255, 255)


def _of_picture(picture: Image.Image) -> Tensor:
    if is_deep(picture):
        values = deep_values(picture)[None]
        return torch.from_numpy(values.astype(np.int64 if values.dtype.kind in "iu" else np.float32))
    plain = plain_picture(picture, *own_limits(picture))
    array = np.array(plain.convert("L" if picture.mode in _GREY else "RGB"))
    return torch.from_numpy(array[None] if array.ndim == 2 else array.transpose(2, 0, 1).copy())
