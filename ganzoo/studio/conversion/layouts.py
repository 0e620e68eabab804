"""Where a network flattens feature maps, or makes them of vectors: there the order of features depends on the layout.

torch stores a feature map as (C, H, W), and Keras as (H, W, C). So the rows and columns of a fully connected layer
beside a map have another order.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

Shape = tuple[int, ...]
Maps = Mapping[str, Mapping[int, Shape]]
"""For the name of a tensor, the dimensions that are flat maps, with the shape (C, …) of the map."""


@final
@dataclass
class Layouts:
    """The flat maps in each network that ran, found again by the names and shapes of its tensors."""

    _maps: dict[object, dict[str, dict[int, Shape]]] = field(default_factory=dict)

    def of(self, network: nn.Module) -> Maps:
        """Return the flat maps in a network; none if no network like it ran."""
        return self._maps.get(_signature(network), {})

    def add(self, network: nn.Module, begin: Shape, calls: list[_Call], end: Shape) -> None:
        """Add what the calls inside a network show; ``begin`` and ``end`` are the shapes of its input and output."""
        names = {id(module): name for name, module in network.named_modules()}
        inside = [call for call in calls if id(call.module) in names]
        tensors = self._maps.setdefault(_signature(network), {})
        for module, dimension, shape in _flat_maps(begin, inside, end):
            for name, value in module.state_dict().items():
                if value.dim() > dimension and value.shape[dimension] == math.prod(shape):
                    path = f"{names[id(module)]}.{name}"
                    tensors.setdefault(path, {})[dimension] = shape


@final
@dataclass(frozen=True)
class _Call:
    """The call of a module without modules inside; shapes without the batch."""

    module: nn.Module
    begin: Shape
    end: Shape


@contextmanager
def layouts_recorded(kinds: tuple[type, ...]) -> Iterator[Layouts]:
    """Record the layouts of all networks of these ``kinds`` that run in the block."""
    layouts = Layouts()
    calls: list[_Call] = []

    def record(module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        given = [value for value in arguments if isinstance(value, Tensor)]
        begin = tuple(given[0].shape[1:]) if given else ()
        end = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
        if isinstance(module, kinds):
            layouts.add(module, begin, calls, end)
            calls.clear()
        elif not any(True for _ in module.children()):
            calls.append(_Call(module, begin, end))

    handle = register_module_forward_hook(record)
    try:
        yield layouts
    finally:
        handle.remove()


def _signature(network: nn.Module) -> object:
    return frozenset((name, tuple(value.shape)) for name, value in network.state_dict().items())


def _flat_maps(begin: Shape, calls: list[_Call], end: Shape) -> Iterator[tuple[nn.Module, int, Shape]]:
    """Yield modules with the dimension of their tensors that is a flat map, and the shape of the map.

    A map may pass other layers on its way, such as dropout or batch norm of the flat vector.
    """
    last_map = begin
    vectors: list[nn.Module] = []  # a fully connected layer, and those that its output has passed
    for call in calls:
        if len(call.begin) > 1:
            yield from _unflattened(vectors, call.begin)
            vectors = []
        elif isinstance(call.module, nn.Linear):
            if len(last_map) > 1 and call.begin == (math.prod(last_map),):
                yield call.module, 1, last_map
                last_map = ()
            vectors = [call.module]
        elif isinstance(call.module, nn.BatchNorm1d):
            if vectors and call.begin == (_features(vectors),):
                vectors.append(call.module)
            elif len(last_map) > 1 and call.begin == (math.prod(last_map),):
                yield call.module, 0, last_map
        if len(call.end) > 1:
            last_map = call.end
    yield from _unflattened(vectors, end)


def _unflattened(vectors: list[nn.Module], shape: Shape) -> Iterator[tuple[nn.Module, int, Shape]]:
    if vectors and len(shape) > 1 and _features(vectors) == math.prod(shape):
        yield from ((module, 0, shape) for module in vectors)


def _features(vectors: list[nn.Module]) -> int:
    first = vectors[0]
    return first.out_features if isinstance(first, nn.Linear) else 0


def from_channels_last(value: Tensor, dimensions: Mapping[int, Shape]) -> Tensor:
    """Return a tensor with each flat map in ``dimensions`` changed from (H, W, C) to (C, H, W)."""
    for dimension, (channels, *sides) in dimensions.items():
        split = value.unflatten(dimension, (*sides, channels))
        value = torch.movedim(split, dimension + len(sides), dimension).flatten(dimension, dimension + len(sides))
    return value
