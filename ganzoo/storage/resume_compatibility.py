"""What a resumed training may change of the settings and parts that it was started with, and what it may not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.catalogue.component import Slot
from ganzoo.catalogue.options import DataConfig, Option, make, options_of, record_of, values_of
from ganzoo.catalogue.registry import Part, part_to_json
from ganzoo.catalogue.selection import Selection
from ganzoo.catalogue.settings import NOT_IN_FILES, RunSettings
from ganzoo.errors import Refused, UserError
from ganzoo.text import one_line

_ADVICE = "resume it without that change, or start a new run from its weights with --from and another --out"


def with_optional_parts(parts: Mapping[str, Any], slots: Iterable[Slot]) -> dict[str, Any]:
    """Return the parts in a file, with the defaults of optional slots that did not exist when it was written.

    >>> with_optional_parts({}, [Slot("head", "head", "none", optional=True), Slot("loss", "loss", "bce")])
    {'head': {'name': 'none', 'config': {}}}
    """
    defaults = {slot.name: {"name": slot.default, "config": {}} for slot in slots if slot.optional}
    return {**defaults, **parts}


def with_later_options(parts: Mapping[str, Any], current: Mapping[str, Part]) -> dict[str, Any]:
    """Return the parts in a file, with the defaults of options that did not exist when it was written."""
    return {slot: _with_later_options(part, current.get(slot)) for slot, part in parts.items()}


def _with_later_options(recorded: Mapping[str, Any], part: Part | None) -> Mapping[str, Any]:
    if part is None or recorded.get("name") != part.component.name:
        return recorded
    try:
        return {**recorded, "config": values_of(make(part.component.config, recorded["config"], part.label))}
    except UserError:  # options that no longer exist are reported as a difference
        return recorded


def recorded_choices(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint records of a ``config.json``: all choices, without the versions of their packages."""
    parts = {slot: {"name": part["name"], "config": part["config"]} for slot, part in config["parts"].items()}
    return {**{name: config[name] for name in ("format", "variant", "preset", "run")}, "parts": parts}


def is_run_config(value: Any) -> bool:
    """Return whether a JSON value has the layout of a ``config.json``."""
    run, parts = (value.get(name) for name in ("run", "parts")) if isinstance(value, Mapping) else (None, None)
    if not isinstance(run, Mapping) or not isinstance(parts, Mapping):
        return False
    return all(isinstance(part, Mapping) and isinstance(part.get("config"), Mapping) for part in parts.values())


@dataclass(frozen=True)
class _Difference:
    """A choice that differs from the recorded one: how, and why the run is not resumed with it, if it is not."""

    phrase: str
    refusal: str = ""


def changed_choices(original: Mapping[str, Any], selection: Selection) -> list[str]:
    """Return a phrase for each choice that a resumed training changes, such as ``steps from 5000 to 8000``.

    ``original`` are the choices that a file of the run records. Raises :class:`Refused` with every one that cannot
    change, because what a checkpoint holds would mean something else.
    """
    differences = [*_other_variant(original, selection)]
    if not differences:
        differences = [*_other_parts(original, selection), *_other_settings(original, selection)]
    if problems := [difference.refusal for difference in differences if difference.refusal]:
        raise Refused(problems)
    return [difference.phrase for difference in differences]


def _other_variant(original: Mapping[str, Any], selection: Selection) -> Iterator[_Difference]:
    for what, now in (("variant", selection.variant), ("preset", selection.preset)):
        was = one_line(original.get(what))
        if was != now:
            yield _Difference(what, f"the run was started with the {what} {was}, not {now}: {_ADVICE}")


def _other_parts(original: Mapping[str, Any], selection: Selection) -> Iterator[_Difference]:
    recorded = with_later_options(with_optional_parts(original["parts"], selection.recipe.slots), selection.parts)
    for slot in dict.fromkeys((*selection.parts, *recorded)):
        before, part = recorded.get(slot), selection.parts.get(slot)
        now = part_to_json(part) if part is not None else None
        if part is not None and before is not None and before.get("name") == part.component.name:
            counts = part.config.counted_by if isinstance(part.config, DataConfig) else ()
            ignored = frozenset(counts)  # how many examples there are is compared with the data itself
            values = record_of(part.config)
            changed = list(_changed_options(type(part.config), before["config"], values, ignored))
            same_options = before["config"].keys() == values.keys()
            if part.kind.changeable or (same_options and all(option.changeable for option, _ in changed)):
                yield from (_Difference(f"{slot} {phrase}") for _, phrase in changed)
                continue
        elif part is not None and before is not None and part.kind.changeable:
            yield _Difference(f"{slot} from {_describe(before)} to {_describe(now)}")
            continue
        refusal = f"the run was started with another {one_line(slot)} ({_describe(before)}, not {_describe(now)})"
        yield _Difference(slot, f"{refusal}: {_ADVICE}")


def _other_settings(original: Mapping[str, Any], selection: Selection) -> Iterator[_Difference]:
    # Earlier versions recorded fewer settings: one that may change is not compared, and any other was none.
    kept = {option.name: None for option in options_of(RunSettings) if not option.changeable}
    recorded, ignored = {**kept, **original["run"]}, frozenset(NOT_IN_FILES)
    for option, phrase in _changed_options(RunSettings, recorded, record_of(selection.run), ignored):
        refusal = "" if option.changeable else f"the run was started with another setting: {phrase}; {_ADVICE}"
        yield _Difference(phrase, refusal)


def _changed_options(
    config: type, before: Mapping[str, Any], now: Mapping[str, Any], ignored: frozenset[str]
) -> Iterator[tuple[Option, str]]:
    """Yield each option that is recorded with another value, and how it changes."""
    for option in options_of(config):
        name = option.name
        if name not in ignored and name in before and before[name] != now[name]:
            yield option, f"{option.flag} from {_shown(before[name])} to {_shown(now[name])}"


def _shown(value: Any) -> str:
    """Return a JSON value as it is written on a command line."""
    listed = ",".join(map(str, value)) if isinstance(value, list) else value
    return "none" if listed is None else one_line(listed)


def _describe(part: Mapping[str, Any] | None) -> str:
    if part is None:
        return "none"
    options = ", ".join(f"{name} {value}" for name, value in part["config"].items())
    return one_line(f"{part.get('name')} with {options}" if options else part.get("name"))
