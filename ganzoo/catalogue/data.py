"""What a dataset delivers: the data spec, which its options determine before any file is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, get_args

from ganzoo.errors import UserError
from ganzoo.text import one_line

LARGEST = 2**24  # numbers in one example, or classes

FieldKind = Literal["image", "point", "class", "vector", "tokens"]


@dataclass(frozen=True)
class Field:
    """One field of an example: its kind and the shape of its tensor.

    ======== ==================== ========================================== =======================
    kind     shape of one example what a dataset delivers                    what a network receives
    ======== ==================== ========================================== =======================
    image    (C, H, W)            uint8 in 0 … 255                           float32 in [-1, 1]
    point    (F,)                 float32, unbounded                         the same
    vector   (F,)                 float32 (attributes, an embedding)         the same
    class    ()                   int64 in 0 … classes - 1                   the same
    tokens   (L,)                 int64 indices into ``names``; 0 is padding the same
    ======== ==================== ========================================== =======================

    ``names`` are the names of the classes, the attributes or the words.
    """

    kind: FieldKind
    shape: tuple[int, ...] = ()
    classes: int = 0
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ranks = {"image": 3, "point": 1, "vector": 1, "class": 0, "tokens": 1}
        if self.kind not in get_args(FieldKind):
            raise UserError(f"a field cannot have the kind {self.kind!r}; kinds: {', '.join(ranks)}")
        if len(self.shape) != ranks[self.kind] or any(size < 1 for size in self.shape):
            raise UserError(f"a field of kind {self.kind!r} has {ranks[self.kind]} sizes, not {self.shape}")
        if self.size > LARGEST or self.classes > LARGEST:
            raise UserError(f"a field of kind {self.kind!r} has at most {LARGEST} numbers or classes")
        if (self.kind == "class") != (self.classes != 0) or self.classes < 0:
            raise UserError("the number of classes must be set for a field of kind 'class', and for no other field")
        if self.kind == "class" and self.names and len(self.names) != self.classes:
            raise UserError(f"{self.classes} classes cannot have {len(self.names)} names")
        if self.kind == "vector" and self.names and self.shape != (len(self.names),):
            raise UserError(f"{self.size} attributes cannot have {len(self.names)} names")

    @property
    def size(self) -> int:
        """Numbers in one example, 1 for a class."""
        return math.prod(self.shape)

    @property
    def bounded(self) -> bool:
        """Whether the outputs of a network for this field must be in [-1, 1]."""
        return self.kind == "image"

    def describe(self) -> str:
        """Return one readable phrase such as ``1×28×28 images`` or ``10 classes``."""
        sizes = "×".join(str(size) for size in self.shape)
        phrases = {
            "image": f"{sizes} images",
            "point": f"points in {sizes} dimensions",
            "vector": f"vectors of {sizes}",
            "class": f"{self.classes} classes",
            "tokens": f"captions of {sizes} words",
        }
        return phrases[self.kind]

    def class_name(self, index: int) -> str:
        """Return the name of class ``index``, or the index as text where classes have no names."""
        return self.names[index] if self.names else str(index)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, which :meth:`from_json` reads."""
        value: dict[str, Any] = {"kind": self.kind, "shape": list(self.shape)}
        if self.classes:
            value["classes"] = self.classes
        if self.names:
            value["names"] = list(self.names)
        return value

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> Field:
        """Return the field that ``value`` describes; raises :class:`UserError` where the description is invalid."""
        try:
            return Field(
                kind=value["kind"],
                shape=tuple(_whole(size) for size in _listed(value["shape"])),
                classes=_whole(value.get("classes", 0)),
                names=tuple(_text(name) for name in _listed(value.get("names", []))),
            )
        except UserError as problem:
            raise UserError(one_line(problem)) from problem
        except (KeyError, TypeError, AttributeError) as problem:
            raise UserError(f"a field description is damaged: {one_line(repr(problem))}") from problem


@dataclass(frozen=True)
class DataSpec:
    """The fields of one dataset: which one a generator learns to generate, and which one is the condition.

    ``target`` and ``condition`` are names in ``fields``; an empty ``condition`` means that the data has no condition.
    """

    fields: Mapping[str, Field]
    target: str
    condition: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))
        for name in (self.target, *filter(None, (self.condition,))):
            if name not in self.fields:
                raise UserError(f"a data spec names the field {name!r} but has only {', '.join(self.fields)}")

    def __reduce__(self) -> tuple[type[DataSpec], tuple[Any, ...]]:
        # A read-only mapping cannot be pickled, but the spec is sent to workers that are spawned.
        return DataSpec, (dict(self.fields), self.target, self.condition)

    @property
    def target_field(self) -> Field:
        """The field that a generator learns to generate."""
        return self.fields[self.target]

    @property
    def condition_field(self) -> Field | None:
        """The field that is the condition, or ``None`` where the data has no condition."""
        return self.fields[self.condition] if self.condition else None

    @property
    def provides(self) -> frozenset[str]:
        """What a component may require of the data, such as ``data:image`` or ``condition:class``."""
        offered = {f"data:{self.target_field.kind}"}
        if self.condition_field is not None:
            offered |= {"condition", f"condition:{self.condition_field.kind}"}
        return frozenset(offered)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, which :meth:`from_json` reads."""
        fields = {name: field.to_json() for name, field in self.fields.items()}
        return {"fields": fields, "target": self.target, "condition": self.condition}

    @staticmethod
    def from_json(value: Mapping[str, Any]) -> DataSpec:
        """Return the spec that ``value`` describes; raises :class:`UserError` where the description is invalid."""
        try:
            fields = {str(name): Field.from_json(field) for name, field in value["fields"].items()}
            return DataSpec(fields, _text(value["target"]), _text(value.get("condition", "")))
        except UserError as problem:
            raise UserError(one_line(problem)) from problem
        except (KeyError, TypeError, AttributeError) as problem:
            raise UserError(f"a data description is damaged: {one_line(repr(problem))}") from problem


def _listed(value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} is not a list")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value
