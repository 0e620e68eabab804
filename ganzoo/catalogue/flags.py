"""Which flags there are for the parts in slots and for their options, and what they set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganzoo.catalogue.component import Component, Slot
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.precedence import RUN
from ganzoo.catalogue.settings import RunSettings
from ganzoo.text import did_you_mean


def slot_flags(slots: Iterable[Slot]) -> set[str]:
    """Return every flag that chooses a part: the names of the slots, and of their kinds."""
    return {name for slot in slots for name in (slot.name, slot.kind)}


def option_flags(slots: Mapping[str, tuple[Slot, Component]]) -> dict[str, list[tuple[str, str]]]:
    """Return every legal option flag with the (slot or ``run``, option) pairs that it sets."""
    flags: dict[str, list[tuple[str, str]]] = {item.flag: [(RUN, item.name)] for item in options_of(RunSettings)}
    for name, (slot, component) in slots.items():
        for item in options_of(component.config):
            for prefix in dict.fromkeys((name, slot.kind)):
                flags.setdefault(f"{prefix}-{item.flag}", []).append((name, item.name))
    return flags


def options_by(flags: Mapping[str, Any], legal: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, dict[str, Any]]:
    """Return the options that ``flags`` set, by slot or ``run``; those that are not ``legal`` set nothing."""

    def names_its_slot(flag: str) -> bool:
        return any(flag.startswith(f"{slot}-") for slot, _ in legal.get(flag, ()))

    options: dict[str, dict[str, Any]] = {}
    # The kinds' flags first, so that a slot's own flag overrules them.
    for flag in sorted(flags, key=names_its_slot):
        for slot, name in legal.get(flag, ()):
            options.setdefault(slot, {})[name] = flags[flag]
    return options


def unknown_flag(flag: str, legal: Iterable[str]) -> str:
    """Return how a sentence about a flag that there is not begins, with the nearest of those that are ``legal``."""
    return f"no option is called {'--' + flag!r}{did_you_mean(f'--{flag}', [f'--{name}' for name in legal])}"
