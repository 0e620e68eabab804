"""Data of a program as a dataset: a torch dataset of pictures or tensors, or arrays of all examples."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, Subset
from torch.utils.data import Dataset as TorchDataset

from ganzoo.catalogue.component import Component
from ganzoo.catalogue.data import DataSpec, Field
from ganzoo.catalogue.options import DataConfig, option
from ganzoo.contract.dataset import Dataset
from ganzoo.depth import Limits
from ganzoo.errors import UserError
from ganzoo.own.items import DTYPES, batch_of, item_of, label_of, tensor_of
from ganzoo.own.layout import AUTO, Layout, Scale
from ganzoo.text import message_of, natural_key, normal

SAMPLE = 256  # examples, evenly spread, that show which numbers images have
IMAGES, POINTS, LABELS, NAMES = "images", "points", "labels", ("names", "classes")  # of arrays, as in a .npz file
TEXT = "US"  # NumPy's letters for arrays of texts


class Examples(NamedTuple):
    """Examples as a program gives them: uint8, int64 or float32 (B, …); and their labels (B,) int64, or ``None``."""

    values: Tensor
    labels: Tensor | None


class Source(ABC):
    """Where examples of a program come from."""

    classes: tuple[str, ...] = ()
    transparent: bool = False  # whether pictures had transparent pixels, which are now white

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abstractmethod
    def read(self, indices: Sequence[int]) -> Examples:
        """Return the examples at ``indices``; raises :class:`UserError` where one of them is of no use."""


@final
class Arrays(Source):
    """All examples in one tensor (N, …), and their labels (N,): numbers of classes, or names."""

    def __init__(self, values: Any, labels: Any, owner: str, names: Any = ()):
        if not isinstance(values, Tensor | np.ndarray):
            raise UserError(f"{owner} is of type {type(values).__name__}: give a tensor, an array or a torch dataset")
        self._values = batch_of(values, f"the array of {owner}")
        self.classes = tuple(map(_text, np.asarray(names).tolist()))
        if isinstance(labels, np.ndarray) and labels.dtype.kind in TEXT:
            labels = self._numbered([_text(label) for label in labels.ravel().tolist()], owner)
        self._labels = None if labels is None else _labels_of(labels, owner)
        if self._labels is not None and len(self._labels) != len(self._values):
            raise UserError(f"{owner} has {len(self._values)} examples, and {len(self._labels)} labels")

    def _numbered(self, labels: Sequence[str], owner: str) -> Tensor:
        """Return the numbers of labels that are names; without names of classes, these are all labels in order."""
        self.classes = self.classes or tuple(sorted(set(labels), key=natural_key))
        number_of = {normal(name): number for number, name in enumerate(self.classes)}
        if unknown := [label for label in labels if normal(label) not in number_of]:
            raise UserError(f"{owner} has the label {unknown[0]!r}, and its names are {', '.join(self.classes)}")
        return torch.tensor([number_of[normal(label)] for label in labels])

    def __len__(self) -> int:
        return len(self._values)

    @property
    def values(self) -> Tensor:
        """All examples."""
        return self._values

    def read(self, indices: Sequence[int]) -> Examples:
        """Return the examples at ``indices``."""
        rows = torch.as_tensor(indices, dtype=torch.int64)
        return Examples(self._values[rows], None if self._labels is None else self._labels[rows])


@final
class Items(Source):
    """A torch dataset that gives examples by index."""

    def __init__(self, data: Any, owner: str):
        self._data, self._owner = data, owner
        whole = data
        while isinstance(whole, Subset):
            whole = whole.dataset
        classes = getattr(whole, "classes", None) or ()
        self.classes = tuple(map(str, [classes] if isinstance(classes, str) else classes))
        if len(self) == 0:
            raise UserError(f"{owner} has no examples")
        self._first = self._item(0)

    def __len__(self) -> int:
        return len(self._data)

    def read(self, indices: Sequence[int]) -> Examples:
        """Return the examples at ``indices``; their shape and type must be those of the first one."""
        items = [self._item(int(index)) for index in indices]
        for index, item in zip(indices, items, strict=True):
            self._refuse_other(int(index), item)
        self.transparent = self.transparent or any(item.transparent for item in items)
        labels = None if self._first.label is None else torch.tensor([item.label for item in items])
        return Examples(torch.stack([item.value for item in items]), labels)

    def _item(self, index: int) -> Any:
        whose = f"example {index} of {self._owner}"
        try:
            given = self._data[index]
        except Exception as problem:  # whatever the program's own code raises
            raise UserError(f"{whose} cannot be read: {message_of(problem)}") from problem
        return item_of(given, whose)

    def _refuse_other(self, index: int, item: Any) -> None:
        first, whose = self._first, f"example {index} of {self._owner}"
        if item.value.shape != first.value.shape:
            raise UserError(
                f"{whose} has shape {tuple(item.value.shape)}, and example 0 has {tuple(first.value.shape)}: bring all "
                "to one size, for example with torchvision.transforms.Resize and CenterCrop"
            )
        if item.value.dtype != first.value.dtype:
            raise UserError(f"{whose} is of type {item.value.dtype}, and example 0 of {first.value.dtype}: {DTYPES}")
        if (item.label is None) != (first.label is None):
            raise UserError(f"{whose} has {'no' if item.label is None else 'a'} label, unlike example 0")


@final
class OwnData(Dataset):
    """The first ``count`` examples of a source, as a dataset."""

    def __init__(self, source: Source, layout: Layout, scale: Scale | None, count: int, owner: str):
        self._source, self._layout, self._scale = source, layout, scale
        self._count, self._owner = count, owner

    def __len__(self) -> int:
        return self._count

    def notes(self) -> Sequence[str]:
        """Return what became of the numbers and of transparent pixels."""
        return tuple(self._layout.notes(self._scale))

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return images as uint8 (B, C, H, W), or points as float32 (B, F); and labels (B,) int64 if there are any."""
        values, labels = self._source.read(indices.tolist())
        if self._scale is not None:
            values = self._scale.to_uint8(values, self._owner)
        return {self._layout.spec.target: values} | ({} if labels is None else {"label": labels})


def own_data(name: str, given: Any) -> Component:
    """Return the component of a program's data; raises :class:`UserError` if ganzoo cannot read it by index.

    A few examples are read, to see what they are; the labels of all of them only where no ``classes`` name them.
    """
    owner = f"dataset {name!r}"
    source = source_of(given, owner)
    layout = _layout(source, owner)
    length = len(source)

    def spec(self: Any, root: Path) -> DataSpec:
        layout.scale(self.range, owner)  # refuses numbers that are no images
        return layout.spec

    def build(config: Any, root: Path) -> OwnData:
        return OwnData(source, layout, layout.scale(config.range, owner), config.count, owner)

    count = option(length, "examples to use, from the first one on", low=1, high=length)
    limits = option(AUTO, "MIN,MAX: numbers that become black and white; auto: usual limits that hold all numbers")
    namespace = {"count": count, "range": limits, "counted_by": ("count",), "spec": spec, "__module__": __name__}
    namespace["__annotations__"] = {"count": int, "range": str}
    config: Any = dataclass(frozen=True)(type("OwnDataConfig", (DataConfig,), namespace))
    numbers = "" if layout.numbers is None else f" of numbers from {layout.numbers}"
    return Component(
        kind="dataset", name=name, summary=f"data of this program{numbers}", target=build, config=config
    )  # fmt: skip


def source_of(given: Any, owner: str) -> Source:
    """Return the source of data; raises :class:`UserError` with what to give instead if it is none."""
    if isinstance(given, DataLoader):
        raise UserError(f"{owner} is a DataLoader, and ganzoo makes its own batches: give its dataset, loader.dataset")
    if isinstance(given, IterableDataset):
        raise UserError(
            f"{owner} is an iterable dataset, and ganzoo reads examples by index, so that a training can be resumed: "
            "give a dataset with __getitem__ and __len__"
        )
    if isinstance(given, Tensor | np.ndarray):
        return Arrays(given, None, owner)
    if isinstance(given, tuple | list) and len(given) == 2 and all(isinstance(p, Tensor | np.ndarray) for p in given):
        return Arrays(given[0], given[1], owner)
    if isinstance(given, Mapping):
        return _of_mapping(given, owner)
    if isinstance(given, TorchDataset) and not hasattr(given, "__len__"):
        raise UserError(f"{owner} does not say how many examples it has: give its class a method __len__")
    if inspect.isroutine(given) or isinstance(given, functools.partial):
        raise UserError(f"{owner} is a function: give the data that it returns, by a call: dataset=…()")
    if not (hasattr(given, "__getitem__") and hasattr(given, "__len__")) or isinstance(given, dict | type):
        raise UserError(
            f"{owner} is of type {type(given).__name__}: give a torch dataset, an array of examples, or a pair of "
            "arrays (images, labels)"
        )
    return Items(given, owner)


def _of_mapping(given: Mapping[Any, Any], owner: str) -> Source:
    """Return the source of named arrays, such as those of ``np.load("data.npz")``."""
    if not {IMAGES, POINTS} & {*given}:
        raise UserError(
            f"{owner} has the arrays {', '.join(map(str, given)) or 'none'}: name them {IMAGES} or {POINTS}, {LABELS}, "
            f"and {' or '.join(NAMES)} for the names of the classes"
        )
    try:
        found = {name: given[name] for name in (IMAGES, POINTS, LABELS, *NAMES) if name in given}
    except ValueError as problem:  # NumPy refuses arrays of Python objects, which are pickles
        raise UserError(f"{owner} has an array that cannot be read: {message_of(problem)}") from problem
    names = next((found[name] for name in NAMES if name in found), ())
    return Arrays(found[IMAGES] if IMAGES in found else found[POINTS], found.get(LABELS), owner, names)


def _text(name: Any) -> str:
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)


def _layout(source: Source, owner: str) -> Layout:
    if len(source) == 0:
        raise UserError(f"{owner} has no examples")
    sample = source.read(np.unique(np.linspace(0, len(source) - 1, SAMPLE).astype(int)).tolist())
    shape = tuple(sample.values.shape[1:])
    target = "image" if len(shape) == 3 else "point"
    fields = {target: Field("image" if target == "image" else "point", shape)}
    if sample.labels is not None:
        fields["label"] = Field("class", classes=_classes(source, owner), names=source.classes)
    spec = DataSpec(fields, target, "label" if "label" in fields else "")
    if target == "point" or sample.values.dtype == torch.uint8:
        return Layout(spec, transparent=source.transparent)
    values = source.values if isinstance(source, Arrays) else sample.values
    numbers = Limits(float(values.min()), float(values.max()))
    return Layout(spec, numbers, not values.is_floating_point(), source.transparent)


def _classes(source: Source, owner: str) -> int:
    """Return the number of classes: that of their names, or else that of the labels, which are 0 to K - 1."""
    if source.classes:
        return len(source.classes)
    found: set[int] = set()
    for start in range(0, len(source), SAMPLE):
        labels = source.read(range(start, min(start + SAMPLE, len(source)))).labels
        assert labels is not None
        found.update(labels.unique().tolist())
    if found != set(range(len(found))):
        shown = ", ".join(map(str, sorted(found)[:5])) + (", …" if len(found) > 5 else "")
        raise UserError(
            f"{owner} has the labels {shown}, from {min(found)} to {max(found)}: number its {len(found)} classes from "
            f"0 to {len(found) - 1}, or name them all in an attribute `classes`"
        )
    return len(found)


def _labels_of(given: Any, owner: str) -> Tensor:
    labels = tensor_of(given, f"the labels of {owner}")
    if labels.dim() == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.dim() != 1:
        raise UserError(f"{owner} has labels of shape {tuple(labels.shape)}: give one whole number for each example")
    if len(labels):
        label_of(labels[0], f"example 0 of {owner}")
    return labels.long()
