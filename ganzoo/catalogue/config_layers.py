"""The sources of choices, each as one layer: what a variant, its published preset and a config file set."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganzoo.catalogue.combination import Combination
from ganzoo.catalogue.component import PUBLISHED, Component, Slot, Variant
from ganzoo.catalogue.discovery import LOCAL
from ganzoo.catalogue.formats import FORMAT, OLDEST_CONFIG, refuse_other_format
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.registry import from_file
from ganzoo.catalogue.settings import NOT_IN_FILES, RunSettings
from ganzoo.catalogue.starts import STARTS, Start, starts_from_json
from ganzoo.errors import UserError
from ganzoo.text import did_you_mean

RUN = "run"  # the key of the run settings among the options of a layer; every other key is a slot or a kind
OBSERVER = "observer-"  # or begins like this, and then it is an observer's


@dataclass(frozen=True)
class ConfigLayer:
    """One source of choices: a component for each slot or kind, and options for each slot or kind.

    ``loose`` options apply to whatever component fills the slot in the end; other options apply only to the component
    that this layer, or a layer below, chose. ``files`` are the names of the plugin files that parts came from.
    ``starts`` are the models from which networks started.
    """

    name: str
    parts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    loose: bool = False
    files: Mapping[str, Any] = field(default_factory=dict)
    starts: Mapping[str, Start] = field(default_factory=dict)


def missing_file(layers: Sequence[ConfigLayer], key: str, what: str) -> str:
    """Return a sentence that ``what`` came from a plugin file, if a layer says so of its part ``key``, or nothing."""
    return next(filter(None, (from_file(what, layer.files.get(key)) for layer in reversed(layers))), "")


def variant_layer(variant: Variant) -> ConfigLayer:
    """Return the layer of a variant's own parts and overrides."""
    return _layer(f"variant {variant.name!r}", variant.parts, variant.overrides)


def preset_layer(variant: Variant, preset: str) -> ConfigLayer:
    """Return the layer of a preset; that of the preset ``default`` is empty."""
    settings = {**variant.presets, PUBLISHED: variant.published}.get(preset, {})
    parts = {key: str(value) for key, value in settings.items() if "." not in key}
    options = {key: value for key, value in settings.items() if "." in key}
    return _layer(f"preset {preset!r} of variant {variant.name!r}", parts, options)


def combination_layers(
    variant: Variant, components: Iterable[Component], chosen: Mapping[Slot, list[str]]
) -> Iterator[ConfigLayer]:
    """Yield a layer for each combination that applies to the names ``chosen`` for each slot.

    First come those that ``components`` declare, then those of the variant, which knows more.
    """
    names = {"variant": [variant.name], "recipe": [variant.recipe]}
    for slot, found in chosen.items():
        for key in {slot.name, slot.kind}:
            names[key] = [*names.get(key, []), *found]
    items: tuple[Component | Variant, ...] = (*components, variant)
    declared = [(f"{item.kind} {item.name!r}", item.combinations) for item in items]
    for whose, combinations in declared:
        for combination in combinations:
            if combination.applies(names):
                yield _combination_layer(whose, combination, chosen)


def _combination_layer(whose: str, combination: Combination, chosen: Mapping[Slot, list[str]]) -> ConfigLayer:
    # The layer names the parts that it applies to, so that its options belong to them.
    given = {
        slot.name: ",".join(found)
        for slot, found in chosen.items()
        if slot.name in combination.when or slot.kind in combination.when
    }
    return _layer(f"a combination of {whose}", {**given, **combination.parts}, combination.options)


def _layer(whose: str, parts: Mapping[str, str], overrides: Mapping[str, Any]) -> ConfigLayer:
    options: dict[str, dict[str, Any]] = {}
    for key, value in overrides.items():
        owner, name = key.split(".")
        options.setdefault(owner.replace("_", "-"), {})[name.replace("-", "_")] = value
    dashed = {key.replace("_", "-"): value for key, value in parts.items()}
    return ConfigLayer(whose, dashed, options)


ENTRIES = ("variant", "preset", "run", "parts", "observers")  # that a user writes
RECORDS = ("format", "variant_file", "versions", STARTS)  # that ganzoo adds
PART_ENTRIES, PART_RECORDS = ("name", "config"), ("package", "version", "file")


def refuse_other_file(file: Mapping[str, Any], variant: str, preset: str | None, places: Container[str]) -> None:
    """Raise :class:`UserError` where a config file has another variant or preset, or unknown entries.

    ``places`` are the names of slots and kinds.
    """
    for key in file:
        if key not in (*ENTRIES, *RECORDS):
            hint = did_you_mean(str(key), ENTRIES)
            if _underscored(str(key)) in {option.name for option in options_of(RunSettings)}:
                hint = "; it is a setting: write it into the table [run]."
            elif key in places:
                hint = "; it is a part: write it into the table [parts]."
            raise UserError(f"the config file has an unknown entry {key!r}{hint} Entries: {', '.join(ENTRIES)}")
    for what, asked in (("variant", variant), ("preset", preset)):
        if asked is not None and file.get(what, asked) != asked:
            raise UserError(f"the config file has the {what} {file[what]!r}, not {asked!r}: leave one of them out")


def file_layer(file: Mapping[str, Any], variant: Variant) -> ConfigLayer:
    """Return the layer of a config file; raises :class:`UserError` where it is damaged or has another recipe."""
    refuse_other_format(file.get("format", FORMAT), "the config file", OLDEST_CONFIG)
    for table in ("parts", "observers", "run"):
        if not isinstance(file.get(table, {}), Mapping):
            raise UserError(f"the config file is damaged: {table!r} must be a table, or in JSON an object")
    run = {_underscored(name): value for name, value in file.get("run", {}).items()}
    parts = {name: _part(name, value) for name, value in file.get("parts", {}).items()}
    observers = {name: _part(name, value) for name, value in file.get("observers", {}).items()}
    described = {**parts, **{f"{OBSERVER}{name}": value for name, value in observers.items()}}
    for name in NOT_IN_FILES:
        if name in run:
            raise UserError(
                f"the config file has the option {name!r}, which no file may set: remove it, and give --{name}"
            )
    names = {slot: value["name"] for slot, value in parts.items() if "name" in value}
    if names.get("recipe", variant.recipe) != variant.recipe:
        raise UserError(
            f"the config file has the recipe {names['recipe']!r}, but variant {variant.name!r} has the recipe "
            f"{variant.recipe!r}: leave the recipe out of the file"
        )
    options = {key: value["config"] for key, value in described.items()}
    files = {key: value.get("file") for key, value in described.items() if value.get("package") == LOCAL}
    starts = starts_from_json(file.get(STARTS, {}), "the config file")
    return ConfigLayer("the config file", names, {**options, RUN: run}, files=files, starts=starts)


def _part(place: str, value: Any) -> Mapping[str, Any]:
    """Return the description of a part with its ``config``; a text is the name alone, and a name may be missing."""
    described = {"name": value} if isinstance(value, str) else value
    if not isinstance(described, Mapping) or not isinstance(described.get("name", ""), str):
        raise UserError(f"the config file is damaged: part {place!r} must be a name, or a table with name and config")
    for key in described:
        if key not in (*PART_ENTRIES, *PART_RECORDS):
            raise UserError(
                f"the config file has an unknown entry {key!r} in part {place!r}{did_you_mean(str(key), PART_ENTRIES)} "
                f"Entries: {', '.join(PART_ENTRIES)}; options are in config"
            )
    config = described.get("config", {})
    if not isinstance(config, Mapping):
        raise UserError(f"the config file is damaged: 'config' of part {place!r} must be a table, or in JSON an object")
    return {**described, "config": {_underscored(name): option for name, option in config.items()}}


def _underscored(name: str) -> str:
    return name.replace("-", "_")
