"""Command-line options made from what was chosen: a flag for each slot, and one for each part's options."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ganzoo.catalogue import Registry, Selection
from ganzoo.catalogue.flags import slot_flags
from ganzoo.catalogue.options import Option, options_of
from ganzoo.catalogue.part import Part
from ganzoo.catalogue.selection import recipe_slots
from ganzoo.errors import UserError
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file
from ganzoo.text import did_you_mean


@dataclass(frozen=True)
class Group:
    """Options that belong together in a help text."""

    title: str
    options: Sequence[click.Option]


@dataclass(frozen=True)
class Words:
    """What can be told from raw words before the options are known."""

    variant: str
    flags: Mapping[str, str]
    preset: str | None
    file: Mapping[str, Any]


def scan(registry: Registry, words: Sequence[str], use: str) -> Words:
    """Find the variant to ``use`` and the parts that raw words of a command line choose; others are left to click."""
    given = dict(_flags(words))
    file = read_config(given["config"]) if "config" in given else {}
    variant = _variant_in(registry, words, str(file.get("variant") or ""))
    refuse_no_variant(registry, variant, use)
    slots = recipe_slots(registry, registry.variant(variant))
    placed = slot_flags(slots)
    flags = {name: value for name, value in given.items() if name in placed}
    return Words(variant, flags, given.get("preset"), file)


def _variant_in(registry: Registry, words: Sequence[str], configured: str = "") -> str:
    # Which options are switches is not known yet, so a variant behind one may look like the switch's value.
    candidates = [*_plain(words), configured, *(word for word in words if word in registry.names("variant"))]
    return next(filter(None, candidates), "")


def names_a_variant(registry: Registry, words: Sequence[str]) -> bool:
    """Whether raw words name a variant, or a config file that does."""
    return bool(_variant_in(registry, words)) or "config" in dict(_flags(words))


def refuse_no_variant(registry: Registry, variant: str, use: str) -> None:
    """Raise :class:`UserError` where no variant was named to ``use`` it."""
    if not variant:
        raise UserError(f"say which variant to {use}: {', '.join(registry.names('variant'))}")


def read_config(path: str) -> Mapping[str, Any]:
    """Return the content of a ``config.json``; raises :class:`UserError` where it is none."""
    try:
        content = json.loads(read_file(Path(path), MAX_DOCUMENT_BYTES))
    except OSError as problem:
        raise UserError(f"the config file {path} cannot be read: {problem.strerror}") from problem
    except (ValueError, RecursionError) as problem:
        raise UserError(f"the config file {path} is no JSON: {problem}") from problem
    if not isinstance(content, dict):
        raise UserError(f"the config file {path} must hold a JSON object, as RUN/config.json does")
    return content


def _flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    for place, word in enumerate(words):
        if word.startswith("--") and "=" in word:
            name, value = word[2:].split("=", 1)
            yield name, value
        elif word.startswith("--") and place + 1 < len(words):
            yield word[2:], words[place + 1]


def _plain(words: Sequence[str]) -> Iterator[str]:
    """Words that neither are options nor follow one that may take a value."""
    before = ""
    for word in words:
        if not word.startswith("-") and (not before.startswith("--") or "=" in before):
            yield word
        before = word


def without_unknown(
    words: Sequence[str], known: Sequence[str], variant: str, example: str
) -> tuple[list[str], list[str]]:
    """Return the words without unknown options and what would be their values, and a problem for each of these.

    ``example`` is how a line of the command begins. click ends at the first unknown option; a person wants to hear of
    all of them, and of what else is wrong.
    """
    kept, problems, value_of_unknown = [], [], False
    for word in words:
        flag = word.split("=", 1)[0]
        if word.startswith("--") and flag not in known and word != "--":
            hint = did_you_mean(flag, known)
            problems.append(f"no option is called {flag!r}{hint} `{example} {variant} --help` shows all options")
            value_of_unknown = "=" not in word
        elif value_of_unknown and not word.startswith("-") and word != variant:
            value_of_unknown = False
        else:
            kept.append(word)
            value_of_unknown = False
    return kept, problems


def groups(chosen: Selection, settings: Container[str], heading: str) -> Iterator[Group]:
    """Yield the options of a choice, grouped by component and package; ``settings`` of a run are under ``heading``."""
    yield Group("Parts", list(_part_options(chosen)))
    run = [
        _option(f"--{option.flag}", option, getattr(chosen.run, option.name))
        for option in options_of(type(chosen.run))
        if option.name in settings
    ]
    yield Group(heading, run)
    for title, parts in _by_component(chosen).items():
        made = list(_component_options(chosen, parts))
        if made:
            yield Group(title, made)


def hint_of_slots(chosen: Selection) -> str:
    """Return a sentence that tells how to set an option for one of several players, or nothing where none shares."""
    for part in chosen.parts.values():
        for option in options_of(part.component.config):
            if part.slot.name != part.slot.kind:
                own, shared = f"--{part.slot.name}-{option.flag}", f"--{part.slot.kind}-{option.flag}"
                return f"An option that several parts share can be set for one of them: {own} instead of {shared}."
    return ""


def _part_options(chosen: Selection) -> Iterator[click.Option]:
    kinds: dict[str, list[Part]] = {}
    for part in chosen.parts.values():
        if part.slot.kind != "recipe":
            kinds.setdefault(part.slot.kind, []).append(part)
    for kind, parts in kinds.items():
        names = " / ".join(dict.fromkeys(f"{part.component.name} ({part.provider.package})" for part in parts))
        slots = [part.slot.name for part in parts if part.slot.name != kind]
        if any(part.slot.name != kind for part in parts):
            note = f"{kind} of every player; for one: {', '.join(f'--{slot}' for slot in slots)}"
        else:
            note = kind
        yield click.Option([f"--{kind}", _key(kind)], metavar="NAME", help=f"{note}  [{names}]")
        for slot in slots:
            yield click.Option([f"--{slot}", _key(slot)], metavar="NAME", hidden=True)


def _by_component(chosen: Selection) -> dict[str, list[Part]]:
    found: dict[str, list[Part]] = {}
    for part in chosen.parts.values():
        found.setdefault(f"{part.component.kind} {part.component.name} ({part.provider})", []).append(part)
    return found


def _component_options(chosen: Selection, parts: Sequence[Part]) -> Iterator[click.Option]:
    """One visible flag an option: the kind's where it reaches just these parts, else each slot's own."""
    kind = parts[0].slot.kind
    shared = [part.slot.name for part in parts] == [p.slot.name for p in chosen.parts.values() if p.slot.kind == kind]
    for option in options_of(parts[0].component.config):
        values = [getattr(part.config, option.name) for part in parts]
        if shared:
            shown = values[0] if all(value == values[0] for value in values) else values
            yield _option(f"--{kind}-{option.flag}", option, shown)
        for part, value in zip(parts, values, strict=True):
            if part.slot.name != kind:
                yield _option(f"--{part.slot.name}-{option.flag}", option, value, hidden=shared)
    if not shared:
        for option in options_of(parts[0].component.config):
            yield _option(f"--{kind}-{option.flag}", option, option.default, hidden=True)


def _option(flag: str, option: Option, value: Any, hidden: bool = False) -> click.Option:
    shown = " / ".join(option.show(v) for v in value) if isinstance(value, list) else option.show(value)
    help = f"{option.help}  [{shown or 'empty'}]"
    name = _key(flag[2:])
    if option.type is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", name], default=None, help=help, hidden=hidden)
    return click.Option([flag, name], metavar=option.metavar, help=help, hidden=hidden)


def _key(flag: str) -> str:
    return flag.replace("-", "_")
