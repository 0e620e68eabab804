"""What is in the data, and what is wrong with it: every example is read once; writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ganzoo.assembly.parts import SelectedParts
from ganzoo.batches.reading import CHUNK, described_examples, length_of, notes_of, read_checked
from ganzoo.catalogue.data import DataSpec
from ganzoo.catalogue.options import DataConfig
from ganzoo.catalogue.registry import Part
from ganzoo.contract.dataset import Dataset
from ganzoo.contract.field_values import values_of
from ganzoo.contract.read_only import reading_only
from ganzoo.contract.tracking import track
from ganzoo.errors import UserError
from ganzoo.text import listed, one_line

SHOWN = 3  # examples or classes that a sentence names
FEW = 50  # examples of a class: a GAN learns little from fewer
UNEVEN = 20  # times as many examples as the smallest class
SMALL = 1000  # examples: of fewer, a discriminator soon knows each by heart


@dataclass(frozen=True)
class DataCheck:
    """A line of what the data is, ``facts`` about it, and ``problems``: sentences that say what is wrong."""

    about: str
    facts: tuple[str, ...]
    problems: tuple[str, ...]


@dataclass
class _Seen:
    """What was found in the examples so far, by their numbers."""

    first: dict[bytes, int] = field(default_factory=dict)  # the first example with these values
    classes: dict[int, int] = field(default_factory=dict)  # of each example that was read
    copies: dict[int, int] = field(default_factory=dict)  # the first example with the same values
    constant: list[int] = field(default_factory=list)
    unreadable: dict[int, str] = field(default_factory=dict)
    read: int = 0
    coloured: bool = False


def check_data(part: Part, root: Path) -> DataCheck:
    """Read all examples of the dataset ``part``, and return what they are; raises :class:`UserError` if none can be."""
    assert isinstance(part.config, DataConfig)
    with reading_only():
        with part.attributed():
            spec = part.config.spec(root)
        dataset: Any = SelectedParts({part.slot.name: part}).build(part.slot.name, root=root)
        assert isinstance(dataset, Dataset)
        length = length_of(dataset, part.label)
        seen = _Seen()
        starts = range(0, length, CHUNK)
        for start in track(starts, f"checking {part.label}", len(starts)):
            for indices, fields in _readable(dataset, spec, part.label, start, min(start + CHUNK, length), seen):
                _look(indices, fields, spec, seen)
        if not seen.read:
            raise UserError(f"{part.label} has no example that can be read: {next(iter(seen.unreadable.values()))}")
        with part.attributed():
            details = [one_line(detail) for detail in dataset.details()]
            problems = tuple(_problems(seen, spec, dataset))
        facts = (*notes_of(dataset, part.label), *details)
    return DataCheck(f"{part.component.name}: {described_examples(length, spec)}", facts, problems)


def _readable(
    dataset: Dataset, spec: DataSpec, label: str, start: int, end: int, seen: _Seen
) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Yield the examples from ``start`` to ``end`` together, or one by one where some of them cannot be read."""
    together = torch.arange(start, end)
    try:
        fields = read_checked(dataset, together, spec, label)
    except UserError:
        for index in together:
            try:
                yield index[None], read_checked(dataset, index[None], spec, label)
            except UserError as problem:
                seen.unreadable[int(index)] = str(problem)
    else:
        yield together, fields


def _look(indices: Tensor, fields: Mapping[str, Tensor], spec: DataSpec, seen: _Seen) -> None:
    values = fields[spec.target]
    rows, name = values.flatten(1), _class_field(spec)
    pictured = values_of(spec.target_field).tiled
    if pictured and values.dim() == 4 and values.shape[1] == 3:
        seen.coloured |= bool((values != values[:, :1]).any())
    constant = (values.flatten(2) == values.flatten(2)[..., :1]).all(dim=2).all(dim=1) if pictured else None
    for row, index in enumerate(indices.tolist()):
        if name:
            seen.classes[index] = int(fields[name][row])
        if constant is not None and constant[row]:
            seen.constant.append(index)
        digest = hashlib.blake2b(rows[row].contiguous().numpy().tobytes(), digest_size=16).digest()
        if (other := seen.first.setdefault(digest, index)) != index:
            seen.copies[index] = other
    seen.read += len(rows)


def _class_field(spec: DataSpec) -> str:
    """Return the name of the field with classes, or nothing."""
    return next((name for name, one in spec.fields.items() if one.classes and not one.shape), "")


def _problems(seen: _Seen, spec: DataSpec, dataset: Dataset) -> Iterator[str]:
    yield from map(one_line, dataset.faults())
    for index, reason in list(seen.unreadable.items())[:SHOWN]:
        yield f"{dataset.name_of(index)} cannot be read: {reason}"
    if len(seen.unreadable) > SHOWN:
        yield f"{len(seen.unreadable):,} examples cannot be read, these among them"
    yield from _copies(seen, dataset)
    if seen.constant:
        names = listed([dataset.name_of(index) for index in seen.constant], SHOWN)
        yield f"{_examples(seen.constant, 'has', 'have')} one colour everywhere: {names}"
    if spec.target_field.shape[:1] == (3,) and values_of(spec.target_field).tiled and not seen.coloured:
        yield "no image has a colour: grey images need a third of the memory and the work"
    yield from _classes(seen, spec)
    if seen.read < SMALL:
        yield (
            f"{seen.read:,} examples are few, and the discriminator soon knows them by heart: an augmentation helps "
            "(docs/augmentation.md), or to start from a model (--from)"
        )


def _copies(seen: _Seen, dataset: Dataset) -> Iterator[str]:
    if not seen.copies:
        return
    disputed = {
        index: other for index, other in seen.copies.items() if seen.classes.get(index) != seen.classes.get(other)
    }
    pairs = [f"{dataset.name_of(index)} = {dataset.name_of(other)}" for index, other in seen.copies.items()]
    yield f"{_examples(seen.copies, 'is a copy', 'are copies')} of others: {listed(pairs, SHOWN)}"
    if disputed:
        pairs = [f"{dataset.name_of(index)} = {dataset.name_of(other)}" for index, other in disputed.items()]
        yield f"{_examples(disputed, 'is', 'are')} also in another class: {listed(pairs, SHOWN)}"


def _classes(seen: _Seen, spec: DataSpec) -> Iterator[str]:
    name = _class_field(spec)
    if not name:
        return
    classes = spec.fields[name]
    counts = dict.fromkeys(range(classes.classes), 0)
    for number in seen.classes.values():
        counts[number] += 1
    empty = [classes.class_name(number) for number, count in counts.items() if not count]
    few = {classes.class_name(number): count for number, count in counts.items() if 0 < count < FEW}
    if empty:
        yield f"{len(empty):,} of {classes.classes:,} classes have no example: {listed(empty, SHOWN)}"
    if few:
        named = [f"{one} {count}" for one, count in sorted(few.items(), key=lambda pair: pair[1])]
        yield f"{len(few):,} of {classes.classes:,} classes have fewer than {FEW} examples: {listed(named, SHOWN)}"
    most, least = max(counts.values()), min(filter(None, counts.values()))
    if most >= UNEVEN * least:
        times = f"{most / least:.0f} times"
        yield f"the largest class has {times} as many examples as the smallest ({most:,} and {least:,})"


def _examples(found: object, one: str, several: str) -> str:
    count = len(found)  # type: ignore[arg-type]
    return f"1 example {one}" if count == 1 else f"{count:,} examples {several}"
