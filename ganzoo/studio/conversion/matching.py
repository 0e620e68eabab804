"""The mapping of a file's tensors to a network's: by name where the names are equal, else layer by layer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, final

import torch
from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.studio.conversion.contents import SEPARATOR
from ganzoo.studio.conversion.layouts import Maps, from_channels_last
from ganzoo.studio.conversion.tensors import View
from ganzoo.text import quoted

COUNTER = "num_batches_tracked"  # of batch norm; files of torch before 0.4.1 lack it, and sampling does not use it

LARGEST_COUNT = 2**53
BY_NAME, IN_ORDER, BY_SHAPE = "by name", "in the order of the layers", "by the shapes of the layers"

T = TypeVar("T")
Values = Mapping[str, Tensor] | Mapping[str, View]
Names = Mapping[str, str]
"""The names of a layer's tensors by role: weight, bias, running_mean, …"""


class Misfit(Exception):
    """The first tensor that does not fit, in a sentence."""


@final
@dataclass(frozen=True)
class NameMapping:
    """The name in the file for each name in the network; counters that the file lacks are in ``zeros``.

    ``how`` says what decided.
    """

    names: Mapping[str, str]
    zeros: tuple[str, ...]
    how: str

    @property
    def by_name(self) -> bool:
        """Whether both sides have the same names."""
        return self.how == BY_NAME


def match(network: Mapping[str, Tensor], tensors: Mapping[str, View]) -> NameMapping:
    """Return which of ``tensors`` goes where in ``network``; raises :class:`Misfit` with the first that does not fit.

    Where both sides have the same names, names decide. Otherwise layers of the same kind, with tensors of the same
    roles and numbers of dimensions, are mapped in order. Where their order differs and no two layers have the same
    shapes, the shapes decide. Every tensor of either side must be used.
    """
    ours, theirs = _without_counters(network), _without_counters(tensors)
    how = BY_NAME if ours.keys() == theirs.keys() else IN_ORDER
    try:
        pairs = zip(ours, ours, strict=True) if how == BY_NAME else _in_order(network, tensors)
        names = _compared(network, tensors, pairs)
    except Misfit:
        if how == BY_NAME or not _shapes_decide(network, tensors):
            raise
        how = BY_SHAPE
        names = _compared(network, tensors, _in_order(network, tensors, exact=True))
    counters = _counters(network, tensors, names)
    zeros = tuple(name for name in network if name not in names and name not in counters)
    return NameMapping({**names, **counters}, zeros, how)


def _compared(
    network: Mapping[str, Tensor], tensors: Mapping[str, View], pairs: Iterable[tuple[str, str]]
) -> dict[str, str]:
    names: dict[str, str] = {}
    for mine, other in pairs:
        _refuse_difference(mine, network[mine], other, tensors[other])
        names[mine] = other
    return names


def mapped_state(
    network: Mapping[str, Tensor], mapping: NameMapping, tensors: Mapping[str, View], channels_last: Maps | None = None
) -> dict[str, Tensor]:
    """Return the new state dict of ``network``; ``channels_last`` has the flat maps that the file has in that layout.

    Raises :class:`UserError` where a weight is not finite.
    """
    state = {name: torch.zeros_like(network[name]) for name in mapping.zeros}
    for mine, other in mapping.names.items():
        value = from_channels_last(tensors[other].read(), (channels_last or {}).get(mine, {}))
        state[mine] = value.to(network[mine].dtype)
        if not state[mine].isfinite().all():
            raise UserError(
                f"{quoted(other)} has values that are not finite, as after a failed training: "
                "give an earlier checkpoint"
            )
    return state


def similarity(network: Mapping[str, Tensor], tensors: Mapping[str, View]) -> int:
    """Return how many sizes are equal on both sides, counted from the first tensor on and from the last one back."""
    ours = [tuple(value.shape) for value in _without_counters(network).values()]
    theirs = [value.shape for value in _without_counters(tensors).values()]
    pairs = [*zip(ours, theirs, strict=False), *zip(reversed(ours), reversed(theirs), strict=False)]
    return sum(sum(one == other for one, other in zip(mine, their, strict=False)) for mine, their in pairs) - 4 * abs(
        len(ours) - len(theirs)
    )


def _without_counters(values: Mapping[str, T]) -> dict[str, T]:
    return {name: value for name, value in values.items() if _role(name) != COUNTER}


def _role(name: str) -> str:
    return name.rpartition(SEPARATOR)[2]


def _layers(names: Iterable[str]) -> dict[str, Names]:
    """Return the layers of tensors, in order, by the prefixes of their names."""
    layers: dict[str, dict[str, str]] = {}
    for name in names:
        layer, _, role = name.rpartition(SEPARATOR)
        layers.setdefault(layer, {})[role] = name
    return dict(layers)


def _shapes_decide(network: Mapping[str, Tensor], tensors: Mapping[str, View]) -> bool:
    """Whether no two layers have the same shapes, and both sides have the same layers."""
    ours, theirs = (
        [_kind(layer, values, exact=True) for layer in _layers(_without_counters(values)).values()]
        for values in (network, tensors)
    )
    return len(set(theirs)) == len(theirs) and len(ours) == len(theirs) and set(ours) == set(theirs)


def _in_order(
    network: Mapping[str, Tensor], tensors: Mapping[str, View], exact: bool = False
) -> Iterator[tuple[str, str]]:
    ours, theirs = _layers(_without_counters(network)), _layers(_without_counters(tensors))
    waiting: dict[object, list[Names]] = {}
    for layer in reversed(theirs.values()):
        waiting.setdefault(_kind(layer, tensors, exact), []).append(layer)
    used: set[str] = set()
    for place, (mine, layer) in enumerate(ours.items()):
        same_kind = waiting.get(_kind(layer, network, exact))
        if not same_kind:
            others = [f"{quoted(name)} has {_shapes(other, tensors)}" for name, other in theirs.items()]
            there = f"in its place {others[place]}" if place < len(others) else f"there are only {len(others)} layers"
            raise Misfit(f"{quoted(mine)} has {_shapes(layer, network)}, and in the file {there}")
        other = same_kind.pop()
        used |= set(other.values())
        yield from ((layer[role], other[role]) for role in layer)
    for layer in theirs.values():
        if not used.issuperset(layer.values()):
            first = next(iter(layer.values()))
            raise Misfit(
                f"{quoted(first)} of the file is in a layer ({_shapes(layer, tensors)}) that the network lacks"
            )


def _kind(layer: Names, values: Values, exact: bool = False) -> object:
    """What two layers must have in common: roles and numbers of dimensions, or if ``exact`` their shapes."""
    shapes = {role: tuple(values[name].shape) for role, name in layer.items()}
    return frozenset((role, shape if exact else len(shape)) for role, shape in shapes.items())


def _shapes(layer: Names, values: Values) -> str:
    return ", ".join(f"{_plain(role)} {tuple(values[name].shape)}" for role, name in layer.items())


def _plain(role: str) -> str:
    return role if role.isidentifier() and role.isascii() else quoted(role)


def _refuse_difference(mine: str, value: Tensor, other: str, view: View) -> None:
    if tuple(value.shape) != view.shape:
        raise Misfit(f"{quoted(mine)} is {tuple(value.shape)}, and {quoted(other)} of the file is {view.shape}")
    if value.is_floating_point() != view.dtype.is_floating_point:
        raise Misfit(f"{quoted(mine)} is {value.dtype}, and {quoted(other)} of the file is {view.dtype}")


def _is_counter(view: View) -> bool:
    """Whether a tensor is one whole number; in half precision, a count above 65,504 has become infinite."""
    if view.shape or view.dtype.is_complex:
        return False
    value = float(view.read())
    return math.isfinite(value) and value == int(value) and 0 <= value < LARGEST_COUNT


def _counters(network: Mapping[str, Tensor], tensors: Mapping[str, View], names: Mapping[str, str]) -> dict[str, str]:
    """Return the mapping of batch norm's counters, which follows from that of its other tensors.

    A counter may have any dtype, as ``half()`` or an average makes of it.
    """
    layers = {mine.rpartition(SEPARATOR)[0]: other.rpartition(SEPARATOR)[0] for mine, other in names.items()}
    found: dict[str, str] = {}
    for mine in network:
        layer, separator, role = mine.rpartition(SEPARATOR)
        other = f"{layers.get(layer, '')}{separator}{COUNTER}"
        if role == COUNTER and other in tensors and _is_counter(tensors[other]):
            found[mine] = other
    return found
