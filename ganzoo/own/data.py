"""Data of a program as a dataset: a torch dataset of pictures or tensors, or arrays of all examples."""

from __future__ import annotations

import functools
import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

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
from ganzoo.own.items import (
    ATTRIBUTES,
    DTYPES,
    FIELDS,
    IMAGE,
    INPUT,
    LABEL,
    POINT,
    TARGET,
    A,
    B,
    batch_of,
    item_of,
    label_of,
    tensor_of,
    used_fields,
    vectors_of,
)
from ganzoo.own.layout import AUTO, Layout, Numbers, Scale
from ganzoo.text import message_of, natural_key, normal

SAMPLE = 256  # examples, evenly spread, that show which numbers images have
NAMES = ("names", "classes")  # of arrays with the names of the classes, as in a .npz file
PARTS = frozenset({"train", "test", "validation"})  # as datasets of Hugging Face have them
TEXT = "US"  # NumPy's letters for arrays of texts
SUFFIXES = (".npz", ".npy")

Examples = dict[str, Tensor]
"""The fields of examples as a program gives them: uint8, int64 or float32 (B, …), and labels (B,) int64."""


class Source(ABC):
    """Where examples of a program come from."""

    classes: tuple[str, ...] = ()
    transparent: bool = False  # whether pictures had transparent pixels, which are now white
    unused: tuple[str, ...] = ()  # the names of fields that are not used

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of examples."""

    @abstractmethod
    def read(self, indices: Sequence[int]) -> Examples:
        """Return the examples at ``indices``; raises :class:`UserError` where one of them is of no use."""


@final
class Arrays(Source):
    """All examples in tensors (N, …) by field; labels (N,) are numbers of classes, or names."""

    def __init__(self, given: Mapping[str, Any], owner: str, names: Any = ()):
        self.classes = tuple(map(_text, np.asarray(names).tolist()))
        self._fields: Examples = {}
        for field, values in given.items():
            self._fields[field] = self._field(field, values, owner)
        lengths = {field: len(values) for field, values in self._fields.items()}
        self._length = next(iter(lengths.values()))
        for field, length in lengths.items():
            if length != self._length:
                many = f"{field}s" if field == LABEL else field
                raise UserError(f"{owner} has {self._length} examples, and {length} {many}")

    def _field(self, field: str, values: Any, owner: str) -> Tensor:
        if not isinstance(values, Tensor | np.ndarray):
            raise UserError(f"{owner} is of type {type(values).__name__}: give a tensor, an array or a torch dataset")
        if field == ATTRIBUTES:
            return vectors_of(values, owner)
        if field != LABEL:
            return batch_of(values, f"the array of {owner}")
        if isinstance(values, np.ndarray) and values.dtype.kind in TEXT:
            return self._numbered([_text(label) for label in values.ravel().tolist()], owner)
        return _labels_of(values, owner)

    def _numbered(self, labels: Sequence[str], owner: str) -> Tensor:
        """Return the numbers of labels that are names; without names of classes, these are all labels in order."""
        self.classes = self.classes or tuple(sorted(set(labels), key=natural_key))
        number_of = {normal(name): number for number, name in enumerate(self.classes)}
        if unknown := [label for label in labels if normal(label) not in number_of]:
            raise UserError(f"{owner} has the label {unknown[0]!r}, and its names are {', '.join(self.classes)}")
        return torch.tensor([number_of[normal(label)] for label in labels])

    def __len__(self) -> int:
        return self._length

    @property
    def fields(self) -> Examples:
        """All examples."""
        return self._fields

    def read(self, indices: Sequence[int]) -> Examples:
        """Return the examples at ``indices``."""
        rows = torch.as_tensor(indices, dtype=torch.int64)
        return {field: values[rows] for field, values in self._fields.items()}


@final
class Items(Source):
    """A torch dataset that gives examples by index."""

    def __init__(self, data: Any, owner: str):
        self._data, self._owner = data, owner
        whole = data
        while isinstance(whole, Subset):
            whole = whole.dataset
        classes = getattr(whole, "classes", None) or _names_in_features(whole)
        self.classes = tuple(map(str, [classes] if isinstance(classes, str) else classes))
        if len(self) == 0:
            raise UserError(f"{owner} has no examples")
        given = self._given(0)
        if isinstance(given, Mapping):
            self.unused = tuple(str(name) for name in given if name not in FIELDS)
        self._first = item_of(given, f"example 0 of {owner}").fields

    def __len__(self) -> int:
        return len(self._data)

    def read(self, indices: Sequence[int]) -> Examples:
        """Return the examples at ``indices``; they must have the fields, shapes and types of the first."""
        items = [item_of(self._given(int(index)), f"example {index} of {self._owner}") for index in indices]
        for index, item in zip(indices, items, strict=True):
            self._refuse_other(int(index), item.fields)
        self.transparent = self.transparent or any(item.transparent for item in items)
        return {
            field: torch.stack([item.fields[field] for item in items])
            if items
            else torch.empty(0, *value.shape, dtype=value.dtype)
            for field, value in self._first.items()
        }

    def _given(self, index: int) -> Any:
        try:
            return self._data[index]
        except Exception as problem:  # whatever the program's own code raises
            raise UserError(f"example {index} of {self._owner} cannot be read: {message_of(problem)}") from problem

    def _refuse_other(self, index: int, fields: Examples) -> None:
        whose = f"example {index} of {self._owner}"
        for field, first in self._first.items():
            if field not in fields:
                raise UserError(f"{whose} has no {field}, unlike example 0")
            value = fields[field]
            if value.shape != first.shape:
                raise UserError(
                    f"{whose} has shape {tuple(value.shape)}, and example 0 has {tuple(first.shape)}: bring all to one "
                    "size, for example with torchvision.transforms.Resize and CenterCrop"
                )
            if value.dtype != first.dtype:
                raise UserError(f"{whose} is of type {value.dtype}, and example 0 of {first.dtype}: {DTYPES}")
        if more := [field for field in fields if field not in self._first]:
            raise UserError(f"{whose} has a {more[0]}, unlike example 0")


@final
class OwnData(Dataset):
    """The first ``count`` examples of a source, as a dataset."""

    def __init__(self, source: Source, layout: Layout, scales: Mapping[str, Scale], count: int, owner: str):
        self._source, self._layout, self._scales = source, layout, scales
        self._count, self._owner = count, owner

    def __len__(self) -> int:
        return self._count

    def notes(self) -> Sequence[str]:
        """Return what became of the numbers and of transparent pixels, and which fields are not used."""
        return tuple(self._layout.notes(self._scales))

    def read(self, indices: Tensor) -> dict[str, Tensor]:
        """Return images as uint8 (B, C, H, W), points and attributes as float32 (B, F), and labels as int64 (B,)."""
        fields = self._source.read(indices.tolist())
        scaled = {field: scale.to_uint8(fields[field], self._owner) for field, scale in self._scales.items()}
        return fields | scaled


def own_data(name: str, given: Any) -> Component:
    """Return the component of a program's data; raises :class:`UserError` if ganzoo cannot read it by index.

    A few examples are read, to see what they are; the labels of all of them only where no ``classes`` name them.
    """
    owner = f"dataset {name!r}"
    source = source_of(given, owner)
    layout = _layout(source, owner)
    length = len(source)

    def spec(self: Any, root: Path) -> DataSpec:
        layout.scales(self.range, owner)  # refuses numbers that are no images
        return layout.spec

    def build(config: Any, root: Path) -> OwnData:
        return OwnData(source, layout, layout.scales(config.range, owner), config.count, owner)

    count = option(length, "examples to use, from the first one on", low=1, high=length)
    limits = option(AUTO, "MIN,MAX: numbers that become black and white; auto: usual limits that hold all numbers")
    namespace = {"count": count, "range": limits, "counted_by": ("count",), "spec": spec, "__module__": __name__}
    namespace["__annotations__"] = {"count": int, "range": str}
    config: Any = dataclass(frozen=True)(type("OwnDataConfig", (DataConfig,), namespace))
    numbers = "".join(f" of numbers from {one.limits}" for one in layout.numbers.values())
    return Component(
        kind="dataset", name=name, summary=f"data of this program{numbers}", target=build, config=config
    )  # fmt: skip


def source_of(given: Any, owner: str) -> Source:
    """Return the source of data; raises :class:`UserError` with what to give instead if it is none."""
    if isinstance(given, DataLoader):
        raise UserError(f"{owner} is a DataLoader, and ganzoo makes its own batches: give its dataset, loader.dataset")
    if isinstance(given, IterableDataset) or (hasattr(given, "__iter__") and not hasattr(given, "__getitem__")):
        raise UserError(
            f"{owner} is an iterable dataset, and ganzoo reads examples by index, so that a training can be resumed: "
            "give a dataset with __getitem__ and __len__"
        )
    if isinstance(given, Tensor | np.ndarray):
        return Arrays(_only(given), owner)
    if isinstance(given, tuple | list) and len(given) == 2 and all(isinstance(p, Tensor | np.ndarray) for p in given):
        return Arrays({**_only(given[0]), LABEL: given[1]}, owner)
    if isinstance(given, Path):
        return _of_file(given, owner)
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


def _of_file(path: Path, owner: str) -> Source:
    """Return the source of the arrays in a file of NumPy; nothing in it is unpickled."""
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{owner} is the path {path}: give a {' or '.join(SUFFIXES)} file; dataset='folder' reads images"
        )
    if not path.is_file():
        raise UserError(f"{path} cannot be read: it is {'no file' if path.exists() else 'not there'}")
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, Mapping):
                return _of_mapping(found, owner)
    except UserError:
        raise
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except Exception as problem:  # a damaged file raises errors of zip, zlib and NumPy
        raise UserError(f"{path} cannot be read: {message_of(problem)}") from problem
    return Arrays(_only(found), owner)


def _names_in_features(data: Any) -> Sequence[str]:
    """Return the names of the classes in the ``features`` of a dataset of Hugging Face, if it has some."""
    features = getattr(data, "features", None)
    if not isinstance(features, Mapping):
        return ()
    label = next((feature for name, feature in features.items() if FIELDS.get(name) == LABEL), None)
    return getattr(label, "names", None) or ()


def _of_mapping(given: Mapping[Any, Any], owner: str) -> Source:
    """Return the source of named arrays, such as those of ``np.load("data.npz")``."""
    if PARTS & {*given}:
        raise UserError(f"{owner} has the parts {', '.join(map(str, given))}: give one of them, such as data['train']")
    used = used_fields([name for name in given if name not in NAMES], owner)
    names = next((name for name in NAMES if name in given), "")
    try:
        found = {field: given[name] for field, name in used.items()}
        classes = given[names] if names else ()
    except ValueError as problem:  # NumPy refuses arrays of Python objects, which are pickles
        raise UserError(f"{owner} has an array that cannot be read: {message_of(problem)}") from problem
    source = Arrays(found, owner, classes)
    source.unused = tuple(str(name) for name in given if name not in (*used.values(), names))
    return source


def _only(values: Tensor | np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return examples by the name of their only field."""
    return {POINT if values.ndim == 2 else IMAGE: values}


def _text(name: Any) -> str:
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)


def _layout(source: Source, owner: str) -> Layout:
    if len(source) == 0:
        raise UserError(f"{owner} has no examples")
    sample = source.read(np.unique(np.linspace(0, len(source) - 1, SAMPLE).astype(int)).tolist())
    fields: dict[str, Field] = {}
    numbers: dict[str, Numbers] = {}
    for field, values in sample.items():
        shape = tuple(values.shape[1:])
        if field == LABEL:
            fields[field] = Field("class", classes=_classes(source, owner), names=source.classes)
        elif field == ATTRIBUTES:
            fields[field] = Field("vector", shape)
        elif len(shape) == 1:
            fields[field] = Field("point", shape)
        else:
            fields[field] = Field("image", shape)
            if values.dtype != torch.uint8:
                every = source.fields[field] if isinstance(source, Arrays) else values
                limits = Limits(float(every.min()), float(every.max()))
                numbers[field] = Numbers(limits, not values.is_floating_point())
    return Layout(_spec(fields), numbers, source.transparent, source.unused)


def _spec(fields: Mapping[str, Field]) -> DataSpec:
    """Return what data with these fields is: pairs, images of two kinds, or examples with a condition."""
    for target, condition in ((TARGET, INPUT), (B, A)):
        if target in fields:
            chosen = {name: fields[name] for name in (condition, target) if name in fields}
            return DataSpec(chosen, target, condition if condition in fields else "")
    target = IMAGE if IMAGE in fields else POINT
    conditions = [name for name in (LABEL, ATTRIBUTES) if name in fields]
    return DataSpec({name: fields[name] for name in (target, *conditions)}, target, "+".join(conditions))


def _classes(source: Source, owner: str) -> int:
    """Return the number of classes: that of their names, or else that of the labels, which are 0 to K - 1."""
    if source.classes:
        return len(source.classes)
    found: set[int] = set()
    for start in range(0, len(source), SAMPLE):
        labels = source.read(range(start, min(start + SAMPLE, len(source))))[LABEL]
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
