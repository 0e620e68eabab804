"""Options with which a checkpoint would fit: tried on the meta device, and suggested only where everything fits."""

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
from ganzoo.studio.conversion.candidates import Candidate
from ganzoo.studio.conversion.matching import Misfit, match, similarity

ROUNDS = 4  # most options to change
LARGEST = 2**14  # largest number to try
NUMBERS = 64  # most numbers to try per option
SIDES = (8, 16, 28, 32, 64, 96, 128, 256)  # of images, which do not follow from the shapes of convolutions
LAYERS = 12  # most layers whose widths are tried


def fitting_options(selection: Selection, wanted: Mapping[str, Candidate]) -> str:
    """Return the flags with which the candidates fit the networks in ``wanted``, or nothing where none are found.

    A greedy search: each round sets the one option to the one number, out of those in the shapes, that makes the shapes
    most similar.
    """
    flags: list[str] = []
    # Initialisation takes most of the time of building a network, and changes no shape.
    parts = {name: part for name, part in selection.parts.items() if part.slot.kind != "initialiser"}
    selection = dataclasses.replace(selection, parts=parts)
    highest = _similarity(selection, wanted)
    for _ in range(ROUNDS):
        tried = [(_similarity(other, wanted), flag, other) for flag, other in _variations(selection, wanted)]
        best, flag, selection = max(tried, key=lambda each: each[0], default=(highest, "", selection))
        if best <= highest:
            return ""
        highest = best
        flags.append(flag)
        if _fits(selection, wanted):
            return " ".join(flags)
    return ""


def _variations(selection: Selection, wanted: Mapping[str, Candidate]) -> Iterator[tuple[str, Selection]]:
    """Yield the selection with one option changed, for all options that shapes depend on, and the option's flag."""
    numbers, rows = _numbers(wanted)
    for part in _parts_with_shapes(selection):
        for option in options_of(part.component.config):
            for value in (*numbers, *rows):
                config = _set(part, option, value)
                if config is not None:
                    flag = f"--{part.slot.name}-{option.flag} {option.show(getattr(config, option.name))}"
                    changed = {**selection.parts, part.slot.name: dataclasses.replace(part, config=config)}
                    yield flag, dataclasses.replace(selection, parts=changed)


def _parts_with_shapes(selection: Selection) -> list[Part]:
    """The parts that shapes depend on: the data, and the parts that a recipe builds."""
    built = {slot.name for slot in selection.recipe.model_slots}
    return [part for name, part in selection.parts.items() if name in built or isinstance(part.config, DataConfig)]


def _numbers(wanted: Mapping[str, Candidate]) -> tuple[list[int], list[tuple[int, ...]]]:
    """The numbers, and the tuples of numbers, that options may have."""
    shapes = [view.shape for found in wanted.values() for view in found.tensors.values()]
    numbers = dict.fromkeys([*SIDES, *(size for shape in shapes for size in shape if size <= LARGEST)])
    widths = [shape[0] for shape in shapes if len(shape) > 1 and shape[0] <= LARGEST][:LAYERS]
    rows = {tuple(widths[begin:end]) for end in range(1, len(widths) + 1) for begin in range(end)}
    return list(numbers)[:NUMBERS], sorted(rows)


def _set(part: Part, option: Option, value: Any) -> Any:
    """Return the options of ``part`` with one changed; ``None`` if its type differs or it has that value already."""
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


def _similarity(selection: Selection, wanted: Mapping[str, Candidate]) -> float:
    recipe = _built(selection)
    if recipe is None:
        return float("-inf")
    return sum(similarity(recipe.get_submodule(name).state_dict(), found.tensors) for name, found in wanted.items())


def _fits(selection: Selection, wanted: Mapping[str, Candidate]) -> bool:
    recipe = _built(selection)
    try:
        for name, found in wanted.items():
            assert recipe is not None
            match(recipe.get_submodule(name).state_dict(), found.tensors)
    except Misfit:
        return False
    return True
