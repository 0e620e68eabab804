"""Defaults of parts that are used together: when they apply, and what they overrule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ganzoo.catalogue import Combination, Component, Registry, Selection, Variant, installed, select
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.errors import Refused
from ganzoo.testing.selections import variants_with
from ganzoo.testing.toy_registry import TOYS, Steep, component, in_file, options, parts


def chosen(combinations: tuple[Combination, ...], more: tuple[Component, ...] = (), **asked: Any) -> Selection:
    """Select a variant that declares ``combinations``, from the toys and ``more``."""
    variant = Variant(
        name="paired",
        summary="a variant with combinations",
        recipe="duel",
        overrides={"generator.width": 2, "run.steps": 10},
        published={"run.steps": 99},
        combinations=combinations,
    )
    plugin = Plugin(Provider("more", "toy-box", "1"), components=more, variants=(variant,))
    return select(Registry([*TOYS.plugins, plugin]), "paired", **asked)


MIXED = Combination(
    when={"conditioner": "mix"},
    defaults={"loss": "steep", "loss.slope": 4.0, "generator.width": 6, "conditioner.strength": 3.0, "run.steps": 20},
)


@pytest.mark.parametrize(
    ("flags", "applies"),
    [
        ({}, False),
        ({"conditioner": "mix"}, True),
        ({"generator_conditioner": "mix"}, False),  # a kind means every slot of it
        ({"generator_conditioner": "mix", "discriminator_conditioner": "mix"}, True),
        ({"conditioner": "blend"}, False),
    ],
)
def test_it_applies_to_the_parts_that_it_names(flags: Mapping[str, str], applies: bool) -> None:
    found = chosen((MIXED,), flags=flags)
    assert parts(found)["loss"] == ("steep" if applies else "flat")
    assert (options(found, "generator").width, found.run.steps) == ((6, 20) if applies else (2, 10))
    if applies:
        assert options(found, "loss").slope == 4.0
        assert options(found, "generator-conditioner").strength == 3.0


@pytest.mark.parametrize(
    ("when", "name", "applies"),
    [
        ({"generator-conditioner": "*"}, "mix", True),
        ({"generator-conditioner": "*"}, "none", False),
        ({"generator-conditioner": ("mix", "blend")}, "blend", True),
        ({"generator-conditioner": "mix", "variant": "paired"}, "mix", True),
        ({"generator-conditioner": "mix", "variant": "bare"}, "mix", False),
        ({"generator-conditioner": "mix", "recipe": "duel"}, "mix", True),
        ({"generator-conditioner": "mix", "judge": "mix"}, "mix", False),  # the recipe has no such slot
    ],
)
def test_when_it_applies(when: Mapping[str, Any], name: str, applies: bool) -> None:
    combination = Combination(when=when, defaults={"run.steps": 20})
    assert (chosen((combination,), flags={"conditioner": name}).run.steps == 20) == applies


def test_files_and_flags_overrule_it() -> None:
    mix = {"conditioner": "mix"}
    assert options(chosen((MIXED,), file=in_file("loss", "steep", slope=5.0), flags=mix), "loss").slope == 5.0
    assert options(chosen((MIXED,), flags={**mix, "loss_slope": 7}), "loss").slope == 7.0
    assert chosen((MIXED,), flags={**mix, "steps": 30}).run.steps == 30


def test_another_part_makes_its_options_void() -> None:
    found = chosen((MIXED,), (component("loss", "steeper", Steep),), flags={"conditioner": "mix", "loss": "steeper"})
    assert options(found, "loss").slope == Steep().slope


def test_what_a_source_published_is_left_as_it_is() -> None:
    found = chosen((MIXED,), flags={"conditioner": "mix"}, preset="published")
    assert (found.run.steps, options(found, "generator").width, parts(found)["loss"]) == (99, 2, "flat")


def test_a_component_declares_it_too_and_the_variant_overrules_it() -> None:
    own = Combination(when={"recipe": "duel", "conditioner": "swirl"}, defaults={"loss": "steep", "loss.slope": 4.0})
    swirl = component("conditioner", "swirl", combinations=(own,))
    assert options(chosen((), (swirl,), flags={"conditioner": "swirl"}), "loss").slope == 4.0
    assert parts(chosen((), (swirl,), flags={"conditioner": "mix"}))["loss"] == "flat"
    knows_more = Combination(when={"conditioner": "*"}, defaults={"loss.slope": 5.0})
    assert options(chosen((knows_more,), (swirl,), flags={"conditioner": "swirl"}), "loss").slope == 5.0


def test_a_name_that_does_not_exist_is_reported_as_its() -> None:
    wrong = Combination(when={"conditioner": "mix"}, defaults={"los.slope": 4.0})
    with pytest.raises(Refused, match=r"a combination of variant 'paired' has a part or option for 'los'.*loss"):
        chosen((wrong,), flags={"conditioner": "mix"})


@pytest.mark.parametrize(
    ("combinations", "words"),
    [
        ((Combination(when={}, defaults={"run.steps": 1}),), "two mappings"),
        ((Combination(when={"loss": "flat"}, defaults={"a.b.c": 1}),), "'slot.option'"),
        (({"loss": "flat"},), "objects of type Combination"),
    ],
)
def test_faults_of_a_declaration(combinations: Any, words: str) -> None:
    variant = Variant(name="faulty", summary="faulty", recipe="duel", combinations=combinations)
    assert [fault for fault in variant.faults() if words in fault and "'faulty'" in fault]
    assert [fault for fault in component("loss", "faulty", combinations=combinations).faults() if words in fault]


@pytest.mark.parametrize("conditioner", installed().names("conditioner"))
@pytest.mark.parametrize("variant", variants_with("conditioner"))
def test_every_combination_of_the_zoo_can_be_resolved(variant: str, conditioner: str) -> None:
    for slot in ("conditioner", "generator-conditioner", "discriminator-conditioner"):
        assert select(installed(), variant, {slot: conditioner, "dataset": "mnist"}).variant == variant


@pytest.mark.parametrize("variant", sorted({*installed().names("variant")} - {*variants_with("conditioner")}))
def test_a_variant_without_that_slot_refuses_a_conditioner(variant: str) -> None:
    assert select(installed(), variant, {"steps": 3}).run.steps == 3
    with pytest.raises(Refused, match="no option is called '--conditioner'"):
        select(installed(), variant, {"conditioner": "none"})
