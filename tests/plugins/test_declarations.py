"""Everything that is installed is declared soundly: names, summaries, options, targets, slots."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ganzoo import plugin
from ganzoo.assembly.parts import interface_of, resolve
from ganzoo.catalogue import (
    KINDS,
    Component,
    DataConfig,
    DataSpec,
    Variant,
    installed,
    select,
)
from ganzoo.catalogue.discovery import Plugin
from ganzoo.catalogue.options import Option, make, options_of, values_of
from ganzoo.catalogue.registry import Entry, Registry
from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import UserError
from ganzoo.testing.toy_registry import parts

ENTRIES = list(installed())
ITEMS = [entry.item for entry in ENTRIES]
COMPONENTS = [entry for entry in ENTRIES if isinstance(entry.item, Component)]
VARIANTS = [entry for entry in ENTRIES if isinstance(entry.item, Variant)]
OPTIONS = [(entry.label, item) for entry in COMPONENTS for item in options_of(entry.item.config)] + [
    ("ganzoo train", item) for item in options_of(RunSettings)
]


def label(entry: Entry) -> str:
    return entry.label


each_entry = pytest.mark.parametrize("entry", ENTRIES, ids=label)
each_component = pytest.mark.parametrize("entry", COMPONENTS, ids=label)
each_variant = pytest.mark.parametrize("entry", VARIANTS, ids=label)
each_option = pytest.mark.parametrize(
    ("owner", "item"), OPTIONS, ids=[f"{owner} {item.flag}" for owner, item in OPTIONS]
)


# Everything that is installed


def test_there_is_something_of_every_kind() -> None:
    assert {entry.item.kind for entry in ENTRIES} == set(installed().kinds)


@each_entry
def test_an_entry_is_sound_and_named(entry: Entry) -> None:
    assert list(entry.item.faults()) == []
    assert entry.provider.package
    assert entry.provider.version
    assert installed().entry(entry.item.kind, entry.item.name) == entry
    assert entry in installed().find(entry.item.name)


@each_entry
def test_a_summary_is_one_short_line(entry: Entry) -> None:
    summary = entry.item.summary
    assert summary == summary.strip()
    assert "\n" not in summary
    assert len(summary) <= 110
    assert not summary.endswith(".")


@each_option
def test_an_option_has_help_and_a_default_that_it_would_read(owner: str, item: Option) -> None:
    assert item.help.strip() == item.help != ""
    assert "\n" not in item.help
    assert len(item.help) <= 110
    assert item.read(item.default) == item.default
    assert item.read(item.show(item.default)) == item.default
    assert item.metavar != "VALUE", "a type that nobody can type"


@each_option
def test_a_limit_belongs_to_a_number(owner: str, item: Option) -> None:
    if item.low is not None or item.high is not None:
        assert any(mark in item.metavar for mark in "NX")
    if item.low is not None and item.high is not None:
        assert item.low < item.high


@pytest.mark.parametrize("word", ["inf", "-inf", "nan", math.inf, math.nan])
def test_no_installed_option_takes_what_is_no_finite_number(word: Any) -> None:
    took = []
    for owner, item in OPTIONS:
        if item.metavar in ("N", "X"):
            with contextlib.suppress(ValueError):
                took.append((owner, item.flag, item.read(word)))
    assert took == []


@each_component
def test_the_options_of_a_component_survive_json(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    config = entry.item.config()
    assert make(entry.item.config, json.loads(json.dumps(values_of(config))), entry.label) == config


@each_component
def test_the_options_of_a_component_are_frozen_and_described(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    config = entry.item.config()
    assert type(config).__doc__
    for item in options_of(type(config)):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(config, item.name, item.default)


BASES: Mapping[str, type] = {
    "recipe": plugin.Recipe,
    "generator": plugin.Generator,
    "discriminator": plugin.Discriminator,
    "conditioner": plugin.Conditioner,
    "loss": plugin.Loss,
    "head": plugin.Head,
    "augmentation": plugin.Augmentation,
    "penalty": plugin.Penalty,
    "generator-penalty": plugin.GeneratorPenalty,
    "latent": plugin.Latent,
    "initialiser": plugin.Initialiser,
    "schedule": plugin.Schedule,
    "dataset": plugin.Dataset,
    "metric": plugin.Metric,
    "judge": plugin.Judge,
    "observer": plugin.Observer,
}


@each_component
def test_a_target_is_what_its_kind_says_and_complete(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    target = resolve(entry.item, entry.kind)
    if entry.item.kind == "optimizer":
        assert list(inspect.signature(target).parameters) == ["config", "parameters"]
        return
    base = BASES.get(entry.item.kind) or interface_of(entry.kind)
    assert base is not None and issubclass(target, base)
    assert not inspect.isabstract(target), target.__abstractmethods__


@each_component
def test_a_target_is_built_with_what_the_contract_says(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    arguments = {
        "recipe": ["config", "parts", "data"],
        "generator": ["config", "in_shape", "out", "sites"],
        "discriminator": ["config", "in_shape", "sites"],
        "conditioner": ["config", "shape", "condition"],
        "head": ["config", "features", "condition", "latent"],
        "optimizer": ["config", "parameters"],
        "dataset": ["config", "root"],
        "judge": ["config", "field", "condition"],
        "text-encoder": ["config", "field"],
        "network": ["config", "in_shape", "out", "sites"],
    }
    target = resolve(entry.item, entry.kind)
    expected = arguments.get(entry.item.kind, ["config"])
    if entry.item.kind == "conditioner":
        expected += ["noise"] * target.uses_noise + ["features"] * target.uses_features
    assert list(inspect.signature(target).parameters) == expected


@each_component
def test_a_conditioner_acts_at_a_site_unless_it_asks_for_nothing(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    if entry.item.kind == "conditioner":
        assert bool(resolve(entry.item).sites) == bool(entry.item.requires)


@each_component
def test_no_finished_part_is_the_base_of_another(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    target = resolve(entry.item, entry.kind)
    others = {resolve(other.item, other.kind) for other in COMPONENTS if isinstance(other.item, Component)} - {target}
    assert not isinstance(target, type) or not [other for other in others if other in target.__mro__]


@each_component
def test_a_stand_in_can_be_called(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    if entry.item.stand_in:
        module, name = entry.item.stand_in.split(":")
        stand_in: Callable[[Path], None] = getattr(importlib.import_module(module), name)
        assert len(inspect.signature(stand_in).parameters) == 1


@each_component
def test_what_a_component_needs_somebody_offers(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    offered = {capability for other in COMPONENTS for capability in _provides(other)}
    for need in entry.item.requires:
        assert need.advice
        assert set(need.any_of) & offered


def _provides(entry: Entry) -> Iterator[str]:
    assert isinstance(entry.item, Component)
    yield from entry.item.provides
    yield from (f"data:{kind}" for kind in installed().field_types)
    yield from (f"condition:{kind}" for kind in installed().field_types)
    yield from (
        "data:unseen",
        "model:class",
        "condition:embedding",
        "condition:image-and-more",
        "pairs",
    )  # of data in parts, of conditional models


@each_component
def test_the_slots_of_a_recipe_default_to_what_is_installed(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    slots = entry.item.slots
    assert len({slot.name for slot in slots}) == len(slots)
    by_name = {slot.name: slot for slot in slots}
    for slot in slots:
        assert slot.default in installed().names(slot.kind)
        assert slot.of == "" or installed().kinds[by_name[slot.of].kind].is_network
        assert slot.paired == "" or by_name[slot.paired].kind == slot.kind == "conditioner"
        assert slot.name == slot.kind or slot.name not in KINDS, "a slot's name may not be that of another kind"


@each_component
def test_only_a_recipe_has_slots_and_phases(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    assert (entry.item.kind == "recipe") == bool(entry.item.slots) == bool(entry.item.phases)


@each_component
def test_a_dataset_says_what_it_delivers_before_any_file_is_read(
    entry: Entry, stand_in_root: Callable[[str], Path], tmp_path: Path
) -> None:
    assert isinstance(entry.item, Component)
    if not issubclass(entry.item.config, DataConfig):
        return
    spec = entry.item.config().spec(stand_in_root(entry.item.name))
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json())), installed().field_types) == spec


@each_variant
def test_a_variant_selects(entry: Entry) -> None:
    assert isinstance(entry.item, Variant)
    for preset in entry.item.preset_names:
        chosen = select(installed(), entry.item.name, preset=preset)
        assert chosen.variant == entry.item.name
        filled = {part.slot.within or part.slot.name for part in chosen.parts.values()}
        assert filled == {"recipe", *(slot.name for slot in chosen.recipe.slots)}
        assert all(part.component.kind == part.slot.kind for part in chosen.parts.values())


@each_variant
def test_every_override_of_a_variant_reaches_an_option(entry: Entry) -> None:
    assert isinstance(entry.item, Variant)
    chosen = select(installed(), entry.item.name)
    for key, value in entry.item.overrides.items():
        owner, name = key.split(".")
        reached = [part.config for part in chosen.parts.values() if owner in (part.slot.name, part.slot.kind)]
        found = [getattr(config, name) for config in [chosen.run, *reached] if hasattr(config, name)]
        assert value in found, key


def resolved(variant: Variant, preset: str) -> tuple[object, ...]:
    """The component and the options in each slot, and the settings of the run."""
    components = tuple(item for item in ITEMS if isinstance(item, Component))
    kinds = tuple(kind for name, kind in installed().kinds.items() if name not in KINDS)
    own = Plugin(ENTRIES[0].provider, components, (variant,), kinds=kinds)
    chosen = select(Registry([own]), variant.name, preset=preset)
    return {name: (part.component, part.config) for name, part in chosen.parts.items()}, chosen.run


@each_variant
def test_no_variant_repeats_what_holds_without_it(entry: Entry) -> None:
    variant = entry.item
    assert isinstance(variant, Variant)
    for what, preset in (("parts", "default"), ("overrides", "default"), ("published", "published")):
        given = getattr(variant, what)
        for key in given:
            shorter = dataclasses.replace(variant, **{what: _without(given, key)})
            with contextlib.suppress(UserError):  # it has an option of the part that is missing now
                assert resolved(shorter, preset) != resolved(variant, preset), (what, key)
    for preset, given in variant.presets.items():
        for key in given:
            shorter = dataclasses.replace(variant, presets={preset: _without(given, key)})
            with contextlib.suppress(UserError):
                assert resolved(shorter, preset) != resolved(variant, preset), (preset, key)


def _without(settings: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != key}


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind not in ("variant", "recipe", "network", "metric", "judge", "observer")]
)
def test_every_component_can_be_chosen_by_its_kind_with_every_option_as_it_is_shown(kind: str) -> None:
    for name in installed().names(kind):
        assert set(parts(select(installed(), "gan", {kind: name}), kind).values()) == {name}
        config = installed().component(kind, name).config
        typed = {f"{kind}-{item.flag}": item.show(item.default) for item in options_of(config)}
        chosen = select(installed(), "gan", {kind: name, **typed})
        assert {part.config for part in chosen.parts.values() if part.slot.kind == kind} == {config()}
