"""With which options a checkpoint would fit: tried out on networks without numbers, and told only where all fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue.check import check
from ganzoo.catalogue.options import DataConfig, Option, options_of
from ganzoo.catalogue.registry import Part
from ganzoo.catalogue.selection import Selection
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import UserError
from ganzoo.studio.conversion.finding import Found
from ganzoo.studio.conversion.matching import Misfit, likeness, match

ROUNDS = 4  # options that may be wrong at once
LARGEST = 2**14  # of the numbers that are tried
NUMBERS = 64  # that are tried for an option
SIDES = (8, 16, 28, 32, 64, 96, 128, 256)  # of images, which the shapes of convolutions do not tell
LAYERS = 12  # of which widths are tried


def fitting_options(selection: Selection, wanted: Mapping[str, Found]) -> str:
    """Return the flags with which the networks in ``wanted`` would fit their parts, or nothing where none are found.

    The numbers that are tried are those in the shapes. One option at a time is set to what makes the shapes most alike.
    """
    flags: list[str] = []
    # How weights begin takes most of the time of a building, and changes no shape.
    parts = {name: part for name, part in selection.parts.items() if part.slot.kind != "initialiser"}
    selection = dataclasses.replace(selection, parts=parts)
    likest = _likeness(selection, wanted)
    for _ in range(ROUNDS):
        tried = [(_likeness(other, wanted), flag, other) for flag, other in _changed(selection, wanted)]
        best, flag, selection = max(tried, key=lambda each: each[0], default=(likest, "", selection))
        if best <= likest:
            return ""
        likest = best
        flags.append(flag)
        if _fits(selection, wanted):
            return " ".join(flags)
    return ""


def _changed(selection: Selection, wanted: Mapping[str, Found]) -> Iterator[tuple[str, Selection]]:
    """Yield the selection with one option of a part changed, for all that shapes depend on, and the option's flag."""
    numbers, rows = _numbers(wanted)
    for part in _shaping(selection):
        for option in options_of(part.component.config):
            for value in (*numbers, *rows):
                config = _set(part, option, value)
                if config is not None:
                    flag = f"--{part.slot.name}-{option.flag} {option.show(getattr(config, option.name))}"
                    changed = {**selection.parts, part.slot.name: dataclasses.replace(part, config=config)}
                    yield flag, dataclasses.replace(selection, parts=changed)


def _shaping(selection: Selection) -> list[Part]:
    """The parts that have a say in shapes: the data, and what a recipe builds."""
    built = {slot.name for slot in selection.recipe.model_slots}
    return [part for name, part in selection.parts.items() if name in built or isinstance(part.config, DataConfig)]


def _numbers(wanted: Mapping[str, Found]) -> tuple[list[int], list[tuple[int, ...]]]:
    """The numbers that options may have had, and the rows of numbers."""
    shapes = [view.shape for found in wanted.values() for view in found.tensors.values()]
    numbers = dict.fromkeys([*SIDES, *(size for shape in shapes for size in shape if size <= LARGEST)])
    widths = [shape[0] for shape in shapes if len(shape) > 1 and shape[0] <= LARGEST][:LAYERS]
    rows = {tuple(widths[begin:end]) for end in range(1, len(widths) + 1) for begin in range(end)}
    return list(numbers)[:NUMBERS], sorted(rows)


def _set(part: Part, option: Option, value: Any) -> Any:
    """Return the options of ``part`` with one changed; none where it is of another type or has that value already."""
    before = getattr(part.config, option.name)
    if type(before) is not type(value) or before == value:
        return None
    try:
        return dataclasses.replace(part.config, **{option.name: option.read(value)})
    except ValueError:
        return None


def _built(selection: Selection) -> Recipe | None:
    try:
        return build_recipe(selection, check(selection), "meta")
    except UserError:
        return None


def _likeness(selection: Selection, wanted: Mapping[str, Found]) -> float:
    recipe = _built(selection)
    if recipe is None:
        return float("-inf")
    return sum(likeness(recipe.get_submodule(name).state_dict(), found.tensors) for name, found in wanted.items())


def _fits(selection: Selection, wanted: Mapping[str, Found]) -> bool:
    recipe = _built(selection)
    try:
        for name, found in wanted.items():
            assert recipe is not None
            match(recipe.get_submodule(name).state_dict(), found.tensors)
    except Misfit:
        return False
    return True
