"""Selections of small trainings, which take a fraction of a second a step on one core of a processor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ganzoo.catalogue import Registry, Selection, Slot, installed, select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.options import options_of
from ganzoo.errors import Refused

NETWORKS = ("generator", "discriminator")
SMALL: dict[str, object] = {"batch_size": 8, "steps": 4}
SIDE = 8  # of images, in pixels


def choose(variant: str, out: Path | None = None, registry: Registry | None = None, **flags: object) -> Selection:
    """Resolve a variant with a batch of 8, 4 steps and images of 8 x 8, or the smallest; ``flags`` overrule these.

    Flags are the options of the command line with underscores. A flag that is ``None`` leaves the variant's own value.
    One that belongs to a kind of which the variant's recipe has no slot is left out, so that every variant can be asked
    for every part; so is the size of data that has none. A recipe with a pre-training has none, so that all phases are
    due.
    """
    known = registry or installed()
    sides = _least_sides(known, variant, flags.get("dataset"))
    chosen = {**SMALL, "dataset_size": max(SIDE, *sides, 0), **_without_pretraining(known, variant), **flags}
    if not sides:
        del chosen["dataset_size"]
    if out is not None:
        chosen["out"] = out
    missing = _kinds_without_slot(known, variant)
    given = {name: value for name, value in chosen.items() if value is not None and not _names_one_of(missing, name)}
    return select(known, variant, given)


def choose_narrow(
    variant: str, out: Path | None = None, registry: Registry | None = None, **flags: object
) -> Selection:
    """Resolve as :func:`choose`, with :func:`narrowed` networks, as large files take half the time of a training."""
    return choose(variant, out, registry, **{**narrowed(variant), **flags})


def _least_sides(registry: Registry, variant: str, dataset: object) -> list[int]:
    """Return how small images can be, for each dataset of a variant whose option ``size`` says it."""
    declared = registry.variant(variant)
    slots = [slot for slot in registry.component("recipe", declared.recipe).slots if slot.kind == "dataset"]
    names = [dataset or declared.parts.get(slot.name, declared.parts.get(slot.kind, slot.default)) for slot in slots]
    configs = [registry.component("dataset", str(name)).config for name in names]
    return [int(item.low or 0) for config in configs for item in options_of(config) if item.name == "size"]


def _without_pretraining(registry: Registry, variant: str) -> dict[str, object]:
    config = registry.component("recipe", registry.variant(variant).recipe).config
    return {"recipe_pretraining": 0} if any(option.name == "pretraining" for option in options_of(config)) else {}


def _kinds_without_slot(registry: Registry, variant: str) -> set[str]:
    slots = registry.component("recipe", registry.variant(variant).recipe).slots
    of_adversarial = {slot.kind for slot in registry.component("recipe", "adversarial").slots}
    return of_adversarial - {slot.kind for slot in slots}


def _names_one_of(kinds: Iterable[str], flag: str) -> bool:
    """Return whether a flag chooses a part of one of the ``kinds``, or an option of such a part."""
    return any(f"_{kind.replace('-', '_')}_" in f"_{flag}_" for kind in kinds)


def is_refused_by_names(selection: Selection) -> bool:
    """Return whether the first check refuses a selection, before anything is built."""
    try:
        check(selection)
    except Refused:
        return True
    return False


def diagonal(first: Sequence[str], second: Sequence[str]) -> set[tuple[str, str]]:
    """Return as few pairs as there can be in which each of ``first`` and each of ``second`` stands.

    >>> sorted(diagonal(["a", "b", "c"], ["x", "y"]))
    [('a', 'x'), ('b', 'y'), ('c', 'x')]
    """
    longest = max(len(first), len(second))
    return {(first[place % len(first)], second[place % len(second)]) for place in range(longest)}


def one_of_each(*kinds: str) -> tuple[str, ...]:
    """Return variants until each part of these kinds that a variant has is in one; each brings as many as it can.

    >>> len(one_of_each("recipe")) < len(one_of_each("recipe", "generator")) < len(installed().names("variant"))
    True
    """
    parts = {
        name: {(part.slot.kind, part.component.name) for part in select(installed(), name).parts.values()}
        for name in installed().names("variant")
    }
    left = {part for of_variant in parts.values() for part in of_variant if part[0] in kinds}
    chosen = list[str]()
    while left:
        chosen.append(max(parts, key=lambda name: len(parts[name] & left)))
        left -= parts[chosen[-1]]
    return tuple(sorted(chosen))


def each_variant(*kinds: str) -> list[Any]:
    """Return every variant as a parameter of a test; those that :func:`one_of_each` leaves out are long."""
    return each_case(installed().names("variant"), *kinds)


def each_case(cases: Iterable[str], *kinds: str) -> list[Any]:
    """Return names as parameters of a test; variants that :func:`one_of_each` leaves out are long."""
    import pytest

    others = {*installed().names("variant")} - {*one_of_each(*kinds)}
    return [pytest.param(name, marks=[pytest.mark.long] if name in others else []) for name in cases]


def narrow(kind: str, name: str) -> dict[str, object]:
    """Return the flags that make a network small, where it has widths to set."""
    width = 6
    return {
        f"{kind}-{option.flag}": width if option.name == "width" else (width,) * len(option.default)
        for option in options_of(installed().component(kind, name).config)
        if option.name in ("width", "widths")
    }


def narrowed(variant: str) -> dict[str, object]:
    """Return the flags that make all networks of a variant small."""
    parts = select(installed(), variant).parts.values()
    networks = {(part.slot.kind, part.component.name) for part in parts if part.slot.kind in NETWORKS}
    return {flag: value for network in networks for flag, value in narrow(*network).items()}


def variants_with(*kinds: str) -> tuple[str, ...]:
    """Return the names of the variants whose recipe has a slot of each of these kinds.

    >>> "gan" in variants_with("loss", "penalty", "conditioner"), "veegan" in variants_with("loss")
    (True, False)
    """
    registry = installed()
    slots = {name: {slot.kind for slot in _slots(registry, name)} for name in registry.names("variant")}
    return tuple(name for name, offered in slots.items() if offered >= set(kinds))


def _slots(registry: Registry, variant: str) -> Sequence[Slot]:
    return registry.component("recipe", registry.variant(variant).recipe).slots
