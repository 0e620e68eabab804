"""Who says what is trained, one layer above the other: a name or an option holds where no layer above has another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganzoo.catalogue.component import Component, Slot, Variant
from ganzoo.catalogue.formats import FORMAT, refuse_other_format
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.settings import PLACE
from ganzoo.errors import UserError
from ganzoo.text import did_you_mean

RUN = "run"  # where a layer has the options of no part: the settings of the run


@dataclass(frozen=True)
class Layer:
    """One source of choices. ``loose`` options may apply to whatever part was chosen in the end."""

    name: str
    parts: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    loose: bool = False


def variant_layers(variant: Variant, published: bool) -> Iterator[Layer]:
    """Yield what a variant says, and, with ``published``, the settings of its source above that."""
    yield _layer_of(variant, variant.parts, variant.overrides)
    if published:
        parts = {key: str(value) for key, value in variant.published.items() if "." not in key}
        yield _layer_of(variant, parts, {key: value for key, value in variant.published.items() if "." in key})


def _layer_of(variant: Variant, parts: Mapping[str, str], overrides: Mapping[str, Any]) -> Layer:
    options: dict[str, dict[str, Any]] = {}
    for key, value in overrides.items():
        owner, name = key.split(".")
        options.setdefault(owner, {})[name] = value
    return Layer(f"variant {variant.name!r}", parts, options)


def refuse_other_file(file: Mapping[str, Any], variant: str, preset: str | None) -> None:
    """Raise :class:`UserError` where a config file is of another variant or preset, or has unknown entries."""
    known = ("format", "variant", "preset", "parts", "run", "versions")
    for key in file:
        if key not in known:
            raise UserError(f"the config file has an unknown entry {key!r}{did_you_mean(str(key), known)}")
    for what, asked in (("variant", variant), ("preset", preset)):
        if asked is not None and file.get(what, asked) != asked:
            raise UserError(f"the config file is of {what} {file[what]!r}, not {asked!r}: leave one of them out")


def file_layer(file: Mapping[str, Any], variant: Variant) -> Layer:
    """Return what a config file says; raises :class:`UserError` where it is damaged, or of another recipe."""
    refuse_other_format(file.get("format", FORMAT), "the config file")
    parts, run = file.get("parts", {}), file.get("run", {})
    if not isinstance(parts, Mapping) or not isinstance(run, Mapping):
        raise UserError("the config file is damaged: 'parts' and 'run' must be JSON objects")
    for name, value in parts.items():
        if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
            raise UserError(f"the config file is damaged: part {name!r} has no name")
        if not isinstance(value.get("config", {}), Mapping):
            raise UserError(f"the config file is damaged: 'config' of part {name!r} must be a JSON object")
    for name in PLACE:
        if name in run:
            raise UserError(
                f"the config file has the option {name!r}, which no file may set: remove it, and give --{name}"
            )
    names = {slot: value["name"] for slot, value in parts.items()}
    if names.get("recipe", variant.recipe) != variant.recipe:
        raise UserError(
            f"the config file is of recipe {names['recipe']!r}, but {variant.name!r} is of {variant.recipe!r}"
        )
    options = {slot: value.get("config", {}) for slot, value in parts.items()}
    return Layer("the config file", names, {**options, RUN: run})


def name_in(slot: Slot, layers: Sequence[Layer]) -> str:
    """Return the name that the topmost layer with an opinion gives to a slot; the slot's own name beats its kind."""
    for layer in reversed(layers):
        for key in (slot.name, slot.kind):
            if key in layer.parts:
                return layer.parts[key]
    return slot.default


def options_in(slot: Slot, component: Component, layers: Sequence[Layer]) -> dict[str, Any]:
    """Return the options that ``layers`` give to ``component`` in a slot; the slot's own beat its kind's."""
    values: dict[str, Any] = {}
    known = {item.name for item in options_of(component.config)}
    for depth, layer in enumerate(layers):
        # A variant's options belong to the part that it chose: with another part in the slot they are void.
        if not layer.loose and slot.kind != "recipe" and name_in(slot, layers[: depth + 1]) != component.name:
            continue
        for key in (slot.kind, slot.name):
            given = layer.options.get(key, {})
            shared = key == slot.kind and key != slot.name
            values.update({name: value for name, value in given.items() if name in known or not shared})
    return values
