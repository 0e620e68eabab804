"""Types of field: ganzoo's own, and how a plugin declares another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ganzoo.catalogue.kinds import TARGET, name_faults


@dataclass(frozen=True)
class FieldType:
    """A type of field, such as images: its name, what one size of it is each, and the class that handles its values.

    ``sizes`` has a letter for each size of one example. ``summary`` is a plural noun phrase; ``{sizes}`` in it is
    replaced by the sizes, ``{classes}`` by the number of classes. ``target`` is ``package.module:Class`` or the class
    itself, derived from ``FieldValues``. An example with ``classes`` is an index below their number. A type is
    ``bounded`` if networks receive and generate values in [-1, 1]. With ``named_numbers``, the names of a field are
    those of its numbers. A type that is ``embedded`` has an ``embedding``, so that conditioners can use it.

    >>> VIDEO = FieldType("video", ("T", "C", "H", "W"), "{sizes} videos", "my_video:VideoValues", bounded=True)
    >>> VIDEO.describe((8, 1, 16, 16))
    '8×1×16×16 videos'
    """

    name: str
    sizes: tuple[str, ...]
    summary: str
    target: str | type
    classes: bool = False
    bounded: bool = False
    named_numbers: bool = False
    embedded: bool = False

    kind = "field type"

    def describe(self, shape: tuple[int, ...], classes: int = 0) -> str:
        """Return one readable phrase such as ``1×28×28 images`` or ``10 classes``."""
        return self.summary.format(sizes="×".join(str(size) for size in shape), classes=classes)

    def faults(self) -> Iterator[str]:
        """Yield every error in the declaration itself."""
        yield from name_faults(self.kind, self.name, self.summary)
        if not isinstance(self.sizes, tuple) or not all(isinstance(size, str) for size in self.sizes):
            yield f"the sizes of field type {self.name!r} are letters in a tuple, not {self.sizes!r}"
        if self.classes and self.sizes:
            yield f"field type {self.name!r} has classes, and so its examples have no sizes"
        if not isinstance(self.target, type) and not TARGET.fullmatch(str(self.target)):
            yield f"target {self.target!r} of field type {self.name!r} does not have the form 'package.module:Class'"
        try:
            self.describe(())
        except (KeyError, IndexError, ValueError, AttributeError):
            yield f"the summary of field type {self.name!r} may contain {{sizes}} and {{classes}}, and no other braces"


_OWN = (
    FieldType("image", ("C", "H", "W"), "{sizes} images", "ganzoo.fields.images:ImageValues", bounded=True),
    FieldType("point", ("F",), "points in {sizes} dimensions", "ganzoo.fields.numbers:PointValues"),
    FieldType(
        "vector", ("F",), "vectors of {sizes}", "ganzoo.fields.numbers:VectorValues", named_numbers=True, embedded=True
    ),
    FieldType("class", (), "{classes} classes", "ganzoo.fields.indices:ClassValues", classes=True, embedded=True),
    FieldType("tokens", ("L",), "captions of {sizes} words", "ganzoo.fields.indices:CaptionValues", embedded=True),
    FieldType("joined", ("F",), "{sizes} numbers of several fields", "ganzoo.fields.joined:JoinedValues"),
)
FIELD_TYPES: Mapping[str, FieldType] = MappingProxyType({each.name: each for each in _OWN})
"""Ganzoo's own types of field by name."""
