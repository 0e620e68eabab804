"""The click options of a selection: one for each slot, and one for each option of its components."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from ganzoo.catalogue import Registry, Selection
from ganzoo.catalogue.component import Component, Slot
from ganzoo.catalogue.config_layers import OBSERVER
from ganzoo.catalogue.options import Option, options_of
from ganzoo.catalogue.registry import Part
from ganzoo.catalogue.settings import RunSettings
from ganzoo.catalogue.starts import STARTS, start_flags
from ganzoo.cli.candidates import Candidates, files, names_of, nothing, values_of, values_of_setting

_WIDTH = 78  # of a help text: a flag and its placeholder are never wrapped


@dataclass(frozen=True)
class OptionGroup:
    """Options that share a section of a help text."""

    title: str
    options: Sequence[click.Parameter]


def option_groups(selection: Selection, settings: Container[str], heading: str) -> list[OptionGroup]:
    """Return all options by component and package; the run ``settings``, named by flag, are under ``heading``."""
    run = list(_setting_options(selection.run, settings))
    groups = [("Parts", list(_part_options(selection))), (heading, run)]
    if STARTS in settings:
        groups.append(("Start", list(_start_options(selection))))
    groups += [(title, list(_component_options(selection, parts))) for title, parts in _by_component(selection).items()]
    groups += [_observer_group(part) for part in selection.observers]
    seen: set[str] = set()
    # Two components of one kind may have options of the same name: the first one stands for both.
    return [OptionGroup(title, list(_unseen(options, seen))) for title, options in groups]


def expected_groups(registry: Registry, slots: Iterable[Slot], settings: Container[str]) -> list[OptionGroup]:
    """Return what is known of the options before the variant is: those of the run, and those of the given slots."""
    kinds = {(name, slot.kind): slot.several for slot in slots for name in (slot.name, slot.kind)}
    parts = [_slot_option(name, kind, several) for (name, kind), several in kinds.items()]
    seen: set[str] = set()
    return [OptionGroup("", list(_unseen([*parts, *_setting_options(RunSettings(), settings)], seen)))]


def component_options(components: Mapping[str, Sequence[Component]]) -> list[click.Option]:
    """Return the options of components by the prefix of their flags; the first of several with one flag."""
    options = [
        _option(f"--{prefix}-{option.flag}", option, option.default)
        for prefix, sharing in components.items()
        for component in sharing
        for option in options_of(component.config)
    ]
    return list(_unseen(options, set()))


def _setting_options(settings: RunSettings, flags: Container[str]) -> Iterator[click.Option]:
    for option in options_of(RunSettings):
        if option.flag in flags:
            value = getattr(settings, option.name)
            yield _option(f"--{option.flag}", option, value, candidates=values_of_setting(option))


def _slot_option(name: str, kind: str, several: bool, **attributes: Any) -> click.Option:
    metavar = "NAME,…" if several else "NAME"
    return _click_option(f"--{name}", names_of(kind, several), metavar=metavar, **attributes)


def _unseen(options: Sequence[click.Option], seen: set[str]) -> Iterator[click.Option]:
    for option in options:
        if not seen & set(option.opts):
            yield option
        seen |= set(option.opts)


def hint_of_slots(selection: Selection) -> str:
    """Return how to set an option for one of several parts, or nothing where no parts share an option."""
    for part in selection.parts.values():
        for option in options_of(part.component.config):
            if not part.slot.is_named_by_kind:
                own, shared = f"--{part.slot.name}-{option.flag}", f"--{part.slot.kind}-{option.flag}"
                return f"An option that several parts share can be set for one of them: {own} instead of {shared}."
    return ""


def _part_options(selection: Selection) -> Iterator[click.Option]:
    kinds: dict[str, list[Part]] = {}
    for part in selection.parts.values():
        if part.slot.kind != "recipe":
            kinds.setdefault(part.slot.kind, []).append(part)
    for kind, parts in kinds.items():
        names = " / ".join(dict.fromkeys(f"{part.component.name} ({part.provider.short})" for part in parts))
        slots = list(dict.fromkeys(part.slot.flag for part in parts if not part.slot.is_named_by_kind))
        several = any(part.slot.several for part in parts)
        if slots:
            note = f"{parts[0].kind.summary}; for one network or phase: {', '.join(f'--{slot}' for slot in slots)}"
        else:
            note = parts[0].kind.summary
        yield _slot_option(kind, kind, several, help=f"{note}  [{names}]")
        for slot in slots:
            yield _slot_option(slot, kind, several, hidden=True)


def _start_options(selection: Selection) -> Iterator[click.Option]:
    flags = start_flags(selection.recipe.slots, selection.registry.kinds)
    for flag, ((_, option),) in flags.items():
        start = selection.starts.get(option.name)
        yield _click_option(
            f"--{flag}", files, metavar="MODEL", help=f"{option.help}  [{option.show(start.path if start else None)}]"
        )


def _observer_group(part: Part) -> tuple[str, list[click.Option]]:
    options = [
        _option(f"--{OBSERVER}{part.component.name}-{option.flag}", option, getattr(part.config, option.name))
        for option in options_of(part.component.config)
    ]
    return f"{part.component.kind} {part.component.name} ({part.provider})", options


def _by_component(selection: Selection) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for part in selection.parts.values():
        found.setdefault(f"{part.component.kind} {part.component.name} ({part.provider})", []).append(part)
    return found


def _component_options(selection: Selection, parts: Sequence[Part]) -> Iterator[click.Option]:
    """Yield one visible flag for each option: the kind's where it sets just these parts, else one for each slot."""
    kind = parts[0].slot.kind
    shared = [part.slot.name for part in parts] == [
        p.slot.name for p in selection.parts.values() if p.slot.kind == kind
    ]
    for option in options_of(parts[0].component.config):
        values = [getattr(part.config, option.name) for part in parts]
        if shared:
            shown = values[0] if all(value == values[0] for value in values) else values
            yield _option(f"--{kind}-{option.flag}", option, shown)
        for part, value in zip(parts, values, strict=True):
            if part.slot.name != kind:
                yield _option(f"--{part.slot.name}-{option.flag}", option, value, hidden=shared)
            if part.slot.several:
                # As if it were one of several, so that a line stays right where another one joins it.
                yield _option(f"--{part.slot.flag}-{part.component.name}-{option.flag}", option, value, hidden=True)
    if not shared:
        for option in options_of(parts[0].component.config):
            yield _option(f"--{kind}-{option.flag}", option, option.default, hidden=True)


def _option(
    flag: str, option: Option, value: Any, hidden: bool = False, candidates: Candidates | None = None
) -> click.Option:
    shown = " / ".join(option.show(v) for v in value) if isinstance(value, list) else option.show(value)
    metavar, about = option.metavar, option.help
    if option.choices and len(f"  {flag} {metavar}") > _WIDTH:
        metavar, about = "NAME", f"{about}: {', '.join(option.choices)}"
    help = f"{about}  [{shown or 'empty'}]"
    if option.type is bool:
        return _click_option(f"{flag}/--no-{flag[2:]}", nothing, default=None, help=help, hidden=hidden)
    return _click_option(flag, candidates or values_of(option), metavar=metavar, help=help, hidden=hidden)


def _click_option(flag: str, candidates: Candidates, **attributes: Any) -> click.Option:
    # The command gets the selection; click reads the option for its errors and its help text alone.
    return click.Option([flag], expose_value=False, shell_complete=candidates, **attributes)
