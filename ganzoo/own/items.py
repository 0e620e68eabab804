"""One example of a program's data set: pictures, arrays and tensors become tensors by the names of fields."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping
from types import MappingProxyType
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


IMAGE, POINT, LABEL, ATTRIBUTES = "image", "point", "label", "attributes"
INPUT, TARGET, A, B = "input", "target", "a", "b"
# The fields of an example with names; data sets call them as people do.
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in (IMAGE, POINT, LABEL, ATTRIBUTES, INPUT, TARGET, A, B)},
        **{f"{name}s": name for name in (IMAGE, POINT, LABEL, INPUT, TARGET)},
        "img": IMAGE,
    }
)
NAMED = f"{IMAGE} or {POINT}, {LABEL}, {ATTRIBUTES}; or {INPUT} and {TARGET}; or {A} and {B}"


class Item(NamedTuple):
    """The fields of an example: images as uint8, int64 or float32 (C, H, W), points and vectors as float32 (F,).

    A label is int64 (). ``transparent``: one was a picture with transparent pixels, which are now white.
    """

    fields: dict[str, Tensor]
    transparent: bool = False


def item_of(given: Any, owner: str) -> Item:
    """Return what an index of a data set gave; raises :class:`UserError`, naming ``owner``, if it is of no use."""
    if isinstance(given, Mapping):
        return _named_item(given, owner)
    if isinstance(given, tuple | list):
        if len(given) not in (1, 2):
            raise UserError(
                f"{owner} has {len(given)} parts: give (image, label), the image alone, or a mapping by name"
            )
        label = {} if len(given) == 1 else {LABEL: torch.tensor(label_of(given[1], owner))}
        return Item({**_named_value(given[0], owner), **label}, _is_transparent(given[0]))
    return Item(_named_value(given, owner), _is_transparent(given))


def used_fields(names: Iterable[Any], owner: str) -> dict[str, Any]:
    """Return the names that are used, by field; raises :class:`UserError`, naming ``owner``, without an image."""
    found: dict[str, Any] = {}
    given = list(names)
    for name in given:
        if name in FIELDS:
            found.setdefault(FIELDS[name], name)
    if not {IMAGE, POINT, TARGET, B} & {*found}:
        raise UserError(f"{owner} has the fields {', '.join(map(str, given)) or 'none'}: name them {NAMED}")
    return found


def _named_item(given: Mapping[Any, Any], owner: str) -> Item:
    fields: dict[str, Tensor] = {}
    transparent = False
    for field, name in used_fields(given, owner).items():
        value = given[name]
        if field == LABEL:
            fields[field] = torch.tensor(label_of(value, owner))
        elif field == ATTRIBUTES:
            fields[field] = vectors_of(
                np.asarray(value)[None] if not isinstance(value, Tensor) else value[None], owner
            )[0]
        else:
            fields[field] = value_of(value, owner)
            transparent = transparent or _is_transparent(value)
    return Item(fields, transparent)


def _named_value(given: Any, owner: str) -> dict[str, Tensor]:
    value = value_of(given, owner)
    return {IMAGE if value.dim() == 3 else POINT: value}


def vectors_of(given: Tensor | np.ndarray[Any, Any], owner: str) -> Tensor:
    """Return attributes as float32 (N, F); raises :class:`UserError`, naming ``owner``, if they are no vectors."""
    values = tensor_of(given, f"the {ATTRIBUTES} of {owner}")
    if values.dim() != 2 or values.is_complex():
        raise UserError(f"{owner} has {ATTRIBUTES} of shape {tuple(values.shape[1:])}: give a vector of numbers")
    return values.float()


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
