"""What a table says of its images: paths, classes, attributes, numbers, captions and parts."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ganzoo.plugin import natural_key
from ganzoo_datasets.table_files import Row, Table
from ganzoo_datasets.trees import PARTS

PADDING = "<pad>"
WORD = re.compile(r"[\w'-]+")
YES_OR_NO = {"1": 1, "0": 0, "-1": 0, "1.0": 1, "0.0": 0, "-1.0": 0, "true": 1, "false": 0, "yes": 1, "no": 0}
# CelebA's files number the parts.
NUMBERED = {**PARTS, "0": "train", "1": "val", "2": "test", "dev": "val"}
MANY = 1000  # classes; with more of them, a class needs several images


@dataclass(frozen=True)
class Number:
    """A column of numbers; ``low`` becomes -1 and ``high`` becomes 1."""

    name: str
    column: int
    low: float = -1.0
    high: float = 1.0

    def scaled(self, value: float) -> float:
        """Return the number that is delivered."""
        return 2 * (value - self.low) / (self.high - self.low) - 1


@dataclass(frozen=True)
class Roles:
    """The places of the columns that are used, or -1."""

    image: int
    label: int
    attributes: tuple[int, ...]
    numbers: tuple[Number, ...]
    caption: int
    part: int

    @property
    def used(self) -> frozenset[int]:
        """All these places."""
        numbers = (number.column for number in self.numbers)
        return frozenset((self.image, self.label, *self.attributes, *numbers, self.caption, self.part))


@dataclass
class Content:
    """What a table says: a number for each of N rows and, without a column for it, nothing.

    ``labels`` (N,), ``truth`` (N × attributes) with 0 and 1, ``values`` (N × numbers) and ``tokens`` (N × length).
    ``part_of`` (N,) has an index into ``parts``.
    """

    images: list[str] = field(default_factory=list)
    lines: array[int] = field(default_factory=lambda: array("q"))
    classes: tuple[str, ...] = ()
    labels: array[int] = field(default_factory=lambda: array("q"))
    attributes: tuple[str, ...] = ()
    truth: bytearray = field(default_factory=bytearray)
    numbers: tuple[str, ...] = ()
    values: array[float] = field(default_factory=lambda: array("f"))
    words: tuple[str, ...] = ()
    length: int = 0
    tokens: array[int] = field(default_factory=lambda: array("q"))
    parts: tuple[str, ...] = ()
    part_of: array[int] = field(default_factory=lambda: array("q"))
    notes: tuple[str, ...] = ()


def read_content(table: Table, roles: Roles, words: int, length: int, partition: Mapping[str, str]) -> Content:
    """Return what the rows of a table say; raises :class:`UserError` with the line of what cannot be used.

    ``words`` and ``length`` are the most of a vocabulary and of a caption. ``partition`` has the part of each image,
    where no column has it.
    """
    content = Content()
    labels: list[str] = []
    parts: list[str] = []
    captions: list[list[str]] = []
    for row in table.rows:
        content.images.append(_image(table, row, roles.image))
        content.lines.append(row.line)
        if roles.label >= 0:
            labels.append(_filled(table, row, roles.label))
        if roles.attributes:
            content.truth.extend(_attributes(table, row, roles.attributes))
        if roles.numbers:
            content.values.extend(_numbers(table, row, roles.numbers))
        if roles.caption >= 0:
            captions.append(WORD.findall(row.cells[roles.caption].lower()))
        if roles.part >= 0:
            parts.append(_part(table, row, row.cells[roles.part]))
        elif partition:
            parts.append(_part_of(table, row, partition, content.images[-1]))
    if not content.images:
        raise table.fault(1, "there is no row below it: give a row for each image")
    content.attributes = tuple(table.columns[place] for place in roles.attributes)
    content.numbers = tuple(number.name for number in roles.numbers)
    content.parts = tuple(dict.fromkeys(name for name in PARTS.values() if name in {*parts}))
    content.part_of.extend(map(content.parts.index, parts))
    if roles.label >= 0:
        content.classes = _classes(table, roles.label, labels)
        number_of = {name: number for number, name in enumerate(content.classes)}
        content.labels.extend(number_of[label] for label in labels)
    left = _set_captions(content, captions, words, length) if roles.caption >= 0 else ""
    content.notes = (*_notes(table, roles), *filter(None, (left,)), *_wide(content))
    return content


def read_partition(table: Table) -> dict[str, str]:
    """Return the part of each image by its name, from a table of two columns."""
    if len(table.columns) != 2:
        raise table.fault(1, f"it has {len(table.columns)} columns: the parts of images are a name and a part each")
    return {_image(table, row, 0): _part(table, row, row.cells[1]) for row in table.rows}


def _image(table: Table, row: Row, place: int) -> str:
    return _filled(table, row, place).replace("\\", "/")  # of a table from Windows


def _filled(table: Table, row: Row, place: int) -> str:
    if cell := row.cells[place]:
        return cell
    raise table.fault(row.line, f"the column {table.columns[place]!r} is empty: fill it in, or remove this line")


def _attributes(table: Table, row: Row, places: Sequence[int]) -> Iterator[int]:
    for place in places:
        value = YES_OR_NO.get(row.cells[place].lower())
        if value is None:
            raise table.fault(
                row.line,
                f"the attribute {table.columns[place]!r} is {row.cells[place]!r}: it must be 1 or 0, or 1 or -1; "
                "--dataset-attributes names the columns of attributes, or none",
            )
        yield value


def _numbers(table: Table, row: Row, numbers: Sequence[Number]) -> Iterator[float]:
    for number in numbers:
        cell = row.cells[number.column]
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise table.fault(row.line, f"the column {number.name!r} has {cell!r}: it must be a finite number")
        yield number.scaled(value)


def _part(table: Table, row: Row, cell: str) -> str:
    if (part := NUMBERED.get(cell.casefold())) is not None:
        return part
    raise table.fault(row.line, f"no part is called {cell!r}: call it train, val or test; --dataset-part none uses all")


def _part_of(table: Table, row: Row, partition: Mapping[str, str], image: str) -> str:
    if image in partition:
        return partition[image]
    raise table.fault(row.line, f"the table of the parts lacks {image}: add it there; --dataset-part none uses all")


def _classes(table: Table, place: int, labels: Sequence[str]) -> tuple[str, ...]:
    classes = tuple(sorted({*labels}, key=natural_key))
    if len(classes) > MANY and 2 * len(classes) > len(labels):
        raise table.fault(
            1,
            f"the column {table.columns[place]!r} has {len(classes):,} different values in {len(labels):,} rows, so it "
            "is no class: name another one with --dataset-label, or use it with --dataset-numbers or --dataset-caption",
        )
    return classes


def _set_captions(content: Content, captions: Sequence[Sequence[str]], words: int, length: int) -> str:
    """Set the vocabulary and the words of captions, and return what was left out, if anything was."""
    found = Counter(word for caption in captions for word in caption)
    kept = sorted(found, key=lambda word: (-found[word], word))[:words]
    number_of = {word: number for number, word in enumerate(kept, 1)}
    content.words = (PADDING, *kept)
    numbers = [[number_of[word] for word in caption if word in number_of] for caption in captions]
    longest = max(map(len, numbers))
    content.length = max(1, min(longest, length))
    for caption in numbers:
        used = caption[: content.length]
        content.tokens.extend((*used, *(0 for _ in range(content.length - len(used)))))
    rare = len(found) - len(kept)
    left = [f"{rare:,} of {len(found):,} words that are rare (--dataset-words)"] if rare else []
    left += [f"the end of captions with more than {length} words (--dataset-length)"] if longest > length else []
    return f"left out of captions: {'; '.join(left)}" if left else ""


def _notes(table: Table, roles: Roles) -> Iterator[str]:
    """Yield which columns are used."""
    places = {
        "label": (roles.label,),
        "attributes": roles.attributes,
        "numbers": tuple(number.column for number in roles.numbers),
        "caption": (roles.caption,),
        "part": (roles.part,),
    }
    used = [f"{what} {_named(table, found)}" for what, found in places.items() if found and found[0] >= 0]
    yield f"columns: {'; '.join([f'image {table.columns[roles.image]}', *used])}"
    unused = [place for place in range(len(table.columns)) if place not in roles.used]
    if unused:
        yield f"columns that are not used: {_named(table, unused)}"


def _named(table: Table, places: Sequence[int]) -> str:
    most = 5
    shown = ", ".join(table.columns[place] for place in places[:most])
    return f"{shown} and {len(places) - most} more" if len(places) > most else shown


def _wide(content: Content) -> Iterator[str]:
    """Yield the columns whose numbers are far from those that networks are made for."""
    many = len(content.numbers)
    for place, name in enumerate(content.numbers):
        low, high = min(content.values[place::many]), max(content.values[place::many])
        if high - low > 10 or max(abs(low), abs(high)) > 10:
            yield (
                f"the column {name} has numbers from {low:g} to {high:g}, and networks learn best from those within "
                f"-1 and 1: --dataset-numbers {name}:{low:g}:{high:g}"
            )
