"""What a dataset delivers: the data spec, which its options determine before any file is read."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ganzoo.catalogue.field_types import FIELD_TYPES, FieldType
from ganzoo.catalogue.several import refuse_text
from ganzoo.errors import UserError
from ganzoo.text import did_you_mean, one_line

JOINED = "joined"
LARGEST = 2**24  # numbers in one example, or classes


@dataclass(frozen=True, init=False)
class Field:
    """One field of an example: its type and the shape of its tensor.

    ======== ==================== ========================================== =======================
    type     shape of one example what a dataset delivers                    what a network receives
    ======== ==================== ========================================== =======================
    image    (C, H, W)            uint8 in 0 … 255                           float32 in [-1, 1]
    point    (F,)                 float32, unbounded                         the same
    vector   (F,)                 float32 (attributes, an embedding)         the same
    class    ()                   int64 in 0 … classes - 1                   the same
    tokens   (L,)                 int64 indices into ``names``; 0 is padding the same
    joined   (F,)                 nothing: it is made of other fields        their numbers, float32
    ======== ==================== ========================================== =======================

    ``type`` is one of these words, or a :class:`FieldType` of a plugin. ``names`` are the names of the classes, the
    attributes or the words. ``members`` are the fields that are joined, with their names (:func:`joined`).
    """

    type: FieldType
    shape: tuple[int, ...] = ()
    classes: int = 0
    names: tuple[str, ...] = ()
    members: tuple[tuple[str, Field], ...] = ()

    def __init__(
        self,
        type: FieldType | str,
        shape: tuple[int, ...] = (),
        classes: int = 0,
        names: tuple[str, ...] = (),
        members: tuple[tuple[str, Field], ...] = (),
    ):
        refuse_text("names of a field", names)
        kept = {"shape": shape, "classes": classes, "names": names, "members": members}
        for name, value in {"type": _type_of(type, FIELD_TYPES), **kept}.items():
            object.__setattr__(self, name, value)
        self._check()

    def _check(self) -> None:
        rank = len(self.type.sizes)
        if len(self.shape) != rank or any(size < 1 for size in self.shape):
            raise UserError(f"a field of type {self.kind!r} has {rank} sizes, not {self.shape}")
        if self.size > LARGEST or self.classes > LARGEST:
            raise UserError(f"a field of type {self.kind!r} has at most {LARGEST} numbers or classes")
        if self.type.classes != (self.classes != 0) or self.classes < 0:
            raise UserError("the number of classes must be set for a field that is a class, and for no other field")
        if self.classes and self.names and len(self.names) != self.classes:
            raise UserError(f"{self.classes} classes cannot have {len(self.names)} names")
        if (self.kind == JOINED) != (len(self.members) > 1):
            raise UserError("at least two fields are joined, in a field of type 'joined' and in no other")
        if self.type.named_numbers and self.names and self.shape != (len(self.names),):
            raise UserError(f"{self.size} attributes cannot have {len(self.names)} names")

    @property
    def kind(self) -> str:
        """The name of its type."""
        return self.type.name

    @property
    def size(self) -> int:
        """Numbers in one example, 1 for a class."""
        return math.prod(self.shape)

    @property
    def bounded(self) -> bool:
        """Whether the outputs of a network for this field must be in [-1, 1]."""
        return self.type.bounded

    @property
    def embedded(self) -> bool:
        """Whether its values have an embedding; joined ones have one if all members have one."""
        return self.type.embedded or (bool(self.members) and all(member.embedded for _, member in self.members))

    def describe(self) -> str:
        """Return one readable phrase such as ``1×28×28 images`` or ``10 classes``."""
        if self.members:
            return " with ".join(member.describe() for _, member in self.members)
        return self.type.describe(self.shape, self.classes)

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
    def from_json(value: Mapping[str, Any], types: Mapping[str, FieldType] = FIELD_TYPES) -> Field:
        """Return the field that ``value`` describes; ``types`` are the known types of field by name.

        Raises :class:`UserError` where the description is invalid, or the type is not known.
        """
        try:
            return Field(
                _type_of(_text(value["kind"]), types),
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
    Several fields are one condition together if their names are joined by ``+``. Data is not ``paired`` if the target
    of an example does not belong to its condition, as in two folders of images that do not belong together.

    >>> label, angle = Field("class", classes=3), Field("vector", (2,))
    >>> fields = {"image": Field("image", (1, 8, 8)), "label": label, "angle": angle}
    >>> DataSpec(fields, target="image", condition="label+angle").condition_field.describe()
    '3 classes with vectors of 2'
    """

    fields: Mapping[str, Field]
    target: str
    condition: str = ""
    paired: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))
        for name in (self.target, *self.condition_names):
            if name not in self.fields:
                raise UserError(f"a data spec names the field {name!r} but has only {', '.join(self.fields)}")

    def __reduce__(self) -> tuple[type[DataSpec], tuple[Any, ...]]:
        # A read-only mapping cannot be pickled, but the spec is sent to workers that are spawned.
        return DataSpec, (dict(self.fields), self.target, self.condition, self.paired)

    @property
    def target_field(self) -> Field:
        """The field that a generator learns to generate."""
        return self.fields[self.target]

    @property
    def condition_field(self) -> Field | None:
        """The field that is the condition, or ``None`` where the data has no condition."""
        return self.field(self.condition) if self.condition else None

    @property
    def condition_names(self) -> tuple[str, ...]:
        """The names of the fields that are the condition."""
        return _names_in(self.condition, self.fields)

    def field(self, name: str) -> Field:
        """Return the field ``name``, or several of them joined if their names are joined by ``+``."""
        names = _names_in(name, self.fields)
        return self.fields[name] if len(names) == 1 else joined({one: self.fields[one] for one in names})

    @property
    def provides(self) -> frozenset[str]:
        """What a component may require of the data, such as ``data:image`` or ``condition:class``."""
        offered = {f"data:{self.target_field.kind}"}
        if self.condition_field is not None:
            offered |= {"condition", f"condition:{self.condition_field.kind}"}
            if self.condition_field.embedded:
                offered.add("condition:embedding")
            if self.paired:
                offered.add("pairs")
            kinds = [self.fields[name].kind for name in self.condition_names]
            if len(kinds) > 1 and kinds.count("image") == 1:
                offered.add("condition:image-and-more")
        return frozenset(offered)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object, which :meth:`from_json` reads."""
        fields = {name: field.to_json() for name, field in self.fields.items()}
        unpaired = {} if self.paired else {"paired": False}
        return {"fields": fields, "target": self.target, "condition": self.condition, **unpaired}

    @staticmethod
    def from_json(value: Mapping[str, Any], types: Mapping[str, FieldType] = FIELD_TYPES) -> DataSpec:
        """Return the spec that ``value`` describes; raises :class:`UserError` as :meth:`Field.from_json` does."""
        try:
            fields = {str(name): Field.from_json(field, types) for name, field in value["fields"].items()}
            paired = value.get("paired", True) is not False
            return DataSpec(fields, _text(value["target"]), _text(value.get("condition", "")), paired)
        except UserError as problem:
            raise UserError(one_line(problem)) from problem
        except (KeyError, TypeError, AttributeError) as problem:
            raise UserError(f"a data description is damaged: {one_line(repr(problem))}") from problem


def joined(members: Mapping[str, Field]) -> Field:
    """Return the field that consists of all numbers of several fields."""
    return Field(JOINED, (sum(member.size for member in members.values()),), members=tuple(members.items()))


def _names_in(joined_names: str, fields: Mapping[str, Field]) -> tuple[str, ...]:
    if not joined_names or joined_names in fields:
        return tuple(filter(None, (joined_names,)))
    return tuple(joined_names.split("+"))


def _type_of(given: FieldType | str, types: Mapping[str, FieldType]) -> FieldType:
    if isinstance(given, FieldType):
        return given
    if given not in types:
        hint = did_you_mean(str(given), types)
        known = ", ".join(types)
        raise UserError(f"no type of field is called {given!r}{hint} Types: {known}. Is a plugin missing?")
    return types[given]


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
