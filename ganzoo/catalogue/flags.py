"""Which flags set the options of components in slots, and which options a set of flags sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ganzoo.catalogue.component import Component, Slot
from ganzoo.catalogue.config_layers import RUN
from ganzoo.catalogue.options import Option, options_of
from ganzoo.catalogue.settings import RunSettings
from ganzoo.text import did_you_mean


def option_flags(slots: Mapping[str, tuple[Slot, Component]]) -> dict[str, list[tuple[str, Option]]]:
    """Return every option flag, without dashes, with the (slot or ``run``, option) pairs that it sets."""
    flags: dict[str, list[tuple[str, Option]]] = {item.flag: [(RUN, item)] for item in options_of(RunSettings)}
    for name, (slot, component) in slots.items():
        for item in options_of(component.config):
            own = (f"{slot.flag}-{component.name}",) if slot.several else ()
            for prefix in dict.fromkeys((name, slot.kind, slot.flag, *own)):
                flags.setdefault(f"{prefix}-{item.flag}", []).append((name, item))
    return flags


def options_by_slot(
    flags: Mapping[str, Any], known: Mapping[str, Sequence[tuple[str, Option]]]
) -> dict[str, dict[str, Any]]:
    """Return the options that ``flags`` set, by slot or ``run``; flags that are not ``known`` are ignored."""

    def names_its_slot(flag: str) -> bool:
        return any(flag.startswith(f"{slot}-") for slot, _ in known.get(flag, ()))

    options: dict[str, dict[str, Any]] = {}
    # The flags of kinds first, so that the flag of a single slot overrules them.
    for flag in sorted(flags, key=names_its_slot):
        for slot, option in known.get(flag, ()):
            options.setdefault(slot, {})[option.name] = flags[flag]
    return options


def unknown_flag(flag: str, known: Iterable[str]) -> str:
    """Return the beginning of a sentence about an unknown flag, with the nearest of those that are ``known``."""
    return f"no option is called {'--' + flag!r}{did_you_mean(f'--{flag}', [f'--{name}' for name in known])}"
