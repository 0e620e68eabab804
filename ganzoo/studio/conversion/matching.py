"""Which tensor of a file goes where in a network: by name where the names are ours, else layer after layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar, final

import torch
from torch import Tensor

from ganzoo.errors import UserError
from ganzoo.studio.conversion.finding import SEPARATOR
from ganzoo.studio.conversion.tensors import View
from ganzoo.text import quoted

COUNTER = "num_batches_tracked"  # of batch norm: files of torch before 0.4.1 have none, and sampling needs none

T = TypeVar("T")
Values = Mapping[str, Tensor] | Mapping[str, View]
Names = Mapping[str, str]
"""The names of a layer's tensors by what they are: weight, bias, running_mean, …"""


class Misfit(Exception):
    """Which tensor does not fit, as a sentence."""


@final
@dataclass(frozen=True)
class Match:
    """The name in the file for each of the network's; a counter that the file has not is in ``zeros``."""

    names: Mapping[str, str]
    zeros: tuple[str, ...]
    by_name: bool


def match(network: Mapping[str, Tensor], tensors: Mapping[str, View]) -> Match:
    """Return which of ``tensors`` goes where in ``network``; raises :class:`Misfit` with the first that does not fit.

    Names decide where they are the same on both sides. Elsewhere layers of a kind, which have tensors for the same
    purposes and of as many dimensions, are taken in the order in which they stand. All must be used, and all filled.
    """
    ours, theirs = _without_counters(network), _without_counters(tensors)
    by_name = ours.keys() == theirs.keys()
    names: dict[str, str] = {}
    for mine, other in zip(ours, ours, strict=True) if by_name else _in_order(network, tensors):
        _refuse_other(mine, network[mine], other, tensors[other])
        names[mine] = other
    counters = _counters(network, tensors, names)
    zeros = tuple(name for name in network if name not in names and name not in counters)
    return Match({**names, **counters}, zeros, by_name)


def filled(network: Mapping[str, Tensor], found: Match, tensors: Mapping[str, View]) -> dict[str, Tensor]:
    """Return the new state of ``network``; raises :class:`UserError` where a weight is no finite number."""
    state = {name: torch.zeros_like(network[name]) for name in found.zeros}
    for mine, other in found.names.items():
        state[mine] = tensors[other].read().to(network[mine].dtype)
        if not state[mine].isfinite().all():
            raise UserError(
                f"{quoted(other)} holds numbers that are not finite, as a training that failed leaves them: "
                "give an earlier checkpoint"
            )
    return state


def likeness(network: Mapping[str, Tensor], tensors: Mapping[str, View]) -> int:
    """Return how many sizes are the same on both sides, counted from the first tensor on and from the last one back."""
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
    """Return the layers that tensors belong to, in order, by the beginning of their names."""
    layers: dict[str, dict[str, str]] = {}
    for name in names:
        layer, _, role = name.rpartition(SEPARATOR)
        layers.setdefault(layer, {})[role] = name
    return dict(layers)


def _in_order(network: Mapping[str, Tensor], tensors: Mapping[str, View]) -> Iterator[tuple[str, str]]:
    ours, theirs = _layers(_without_counters(network)), _layers(_without_counters(tensors))
    waiting: dict[object, list[Names]] = {}
    for layer in reversed(theirs.values()):
        waiting.setdefault(_kind(layer, tensors), []).append(layer)
    used: set[str] = set()
    for place, (mine, layer) in enumerate(ours.items()):
        alike = waiting.get(_kind(layer, network))
        if not alike:
            others = [f"{quoted(name)} has {_told(other, tensors)}" for name, other in theirs.items()]
            there = f"in its place {others[place]}" if place < len(others) else f"there are {len(others)} layers only"
            raise Misfit(f"{quoted(mine)} has {_told(layer, network)}, and in the file {there}")
        other = alike.pop()
        used |= set(other.values())
        yield from ((layer[role], other[role]) for role in layer)
    for layer in theirs.values():
        if not used.issuperset(layer.values()):
            first = next(iter(layer.values()))
            raise Misfit(f"{quoted(first)} of the file is of a layer ({_told(layer, tensors)}) that it has not")


def _kind(layer: Names, values: Values) -> object:
    return frozenset((role, len(values[name].shape)) for role, name in layer.items())


def _told(layer: Names, values: Values) -> str:
    return ", ".join(f"{_plain(role)} {tuple(values[name].shape)}" for role, name in layer.items())


def _plain(role: str) -> str:
    return role if role.isidentifier() and role.isascii() else quoted(role)


def _refuse_other(mine: str, value: Tensor, other: str, view: View) -> None:
    if tuple(value.shape) != view.shape:
        raise Misfit(f"{quoted(mine)} is {tuple(value.shape)}, and {quoted(other)} of the file is {view.shape}")
    if value.is_floating_point() != view.dtype.is_floating_point:
        raise Misfit(f"{quoted(mine)} is of {value.dtype}, and {quoted(other)} of the file of {view.dtype}")


def _counters(network: Mapping[str, Tensor], tensors: Mapping[str, View], names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of batch norm's counters, which follow from those of its other tensors."""
    layers = {mine.rpartition(SEPARATOR)[0]: other.rpartition(SEPARATOR)[0] for mine, other in names.items()}
    found: dict[str, str] = {}
    for mine in network:
        layer, separator, role = mine.rpartition(SEPARATOR)
        other = f"{layers.get(layer, '')}{separator}{COUNTER}"
        if role == COUNTER and other in tensors:
            _refuse_other(mine, network[mine], other, tensors[other])
            found[mine] = other
    return found
