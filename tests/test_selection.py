"""From what somebody asked for to one resolved choice, and the first check of it; no torch is needed for either."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue import (
    Component,
    Config,
    DataConfig,
    DataSpec,
    Field,
    Registry,
    Selection,
    Slot,
    Variant,
    installed,
    option,
    select,
)
from ganzoo.catalogue.check import check
from ganzoo.catalogue.component import KINDS, phase_slots
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.catalogue.options import options_of
from ganzoo.catalogue.registry import part_from_json
from ganzoo.catalogue.selection import PRESETS
from ganzoo.errors import Refused, UserError

# A small world of its own, so that what is tested are the rules and not the zoo.


@dataclass(frozen=True)
class Wide(Config):
    width: int = option(1, "width", low=1)


@dataclass(frozen=True)
class Mix(Config):
    strength: float = option(1.0, "strength", low=0)


@dataclass(frozen=True)
class Blend(Mix):
    angle: float = option(0.0, "angle")


@dataclass(frozen=True)
class Steep(Config):
    slope: float = option(1.0, "slope", low=0)


@dataclass(frozen=True)
class Adam(Config):
    lr: float = option(0.1, "learning rate", low=0)
    betas: tuple[float, float] = option((0.5, 0.9), "decays", low=0, high=1)


@dataclass(frozen=True)
class Sgd(Config):
    lr: float = option(0.2, "learning rate", low=0)
    momentum: float = option(0.0, "momentum", low=0, high=1)


@dataclass(frozen=True)
class Dots(DataConfig):
    count: int = option(5, "how many", low=1)

    def spec(self, root: Path) -> DataSpec:
        return DataSpec({"point": Field("point", (2,))}, "point")


def component(kind: str, name: str, config: type[Config] = Config, **more: Any) -> Component:
    return Component(kind, name, f"the {kind} {name}", "some.module:Class", config, **more)


TOYS = Registry(
    [
        Plugin(
            Provider("toys", "toy-box", "1.2"),
            components=(
                component(
                    "recipe",
                    "duel",
                    Wide,
                    slots=(
                        Slot("dataset", "dataset", "dots"),
                        Slot("generator", "generator", "plain"),
                        Slot("discriminator", "discriminator", "plain"),
                        Slot("generator-conditioner", "conditioner", "none", of="generator"),
                        Slot("discriminator-conditioner", "conditioner", "none", of="discriminator"),
                        Slot("loss", "loss", "flat"),
                        *phase_slots("discriminator", "adam", "constant"),
                        *phase_slots("generator", "adam", "constant"),
                    ),
                    phases=("discriminator", "generator"),
                ),
                component("dataset", "dots", Dots),
                component("generator", "plain", Wide),
                component("generator", "other", Wide),
                component("discriminator", "plain", Wide),
                component("conditioner", "none"),
                component("conditioner", "mix", Mix),
                component("conditioner", "blend", Blend),
                component("loss", "flat"),
                component("loss", "steep", Steep),
                component("optimizer", "adam", Adam),
                component("optimizer", "sgd", Sgd),
                component("schedule", "constant"),
            ),
            variants=(
                Variant("bare", "nothing but defaults", "duel"),
                Variant(
                    "tuned",
                    "everything set",
                    "duel",
                    parts={"conditioner": "mix", "loss": "steep"},
                    overrides={
                        "recipe.width": 3,
                        "generator.width": 7,
                        "conditioner.strength": 2.0,
                        "loss.slope": 3.0,
                        "optimizer.lr": 0.5,
                        "discriminator-optimizer.lr": 0.25,
                        "run.steps": 100,
                        "run.batch_size": 8,
                    },
                    published={"run.epochs": 9, "loss.slope": 5.0},
                ),
                Variant(
                    "moved",
                    "another loss and conditioner as published",
                    "duel",
                    parts={"conditioner": "mix", "loss": "steep"},
                    overrides={"loss.slope": 3.0, "conditioner.strength": 2.0},
                    published={"loss": "flat", "generator-conditioner": "blend", "generator-conditioner.angle": 0.5},
                ),
            ),
        )
    ]
)


def choose(variant: str = "tuned", preset: str = "default", file: Mapping[str, Any] | None = None, **flags: Any) -> Any:
    return select(TOYS, variant, flags, preset, file)


def parts(selection: Selection, kind: str = "") -> dict[str, str]:
    return {name: part.component.name for name, part in selection.parts.items() if kind in ("", part.slot.kind)}


def options(selection: Selection, slot: str) -> Any:
    return selection.parts[slot].config


def in_file(slot: str, name: str, **config: Any) -> dict[str, Any]:
    return {"parts": {slot: {"name": name, "config": config}}}


def problems(**request: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        choose(**request)
    return caught.value.problems


# Which layer wins


def test_everything_has_a_default() -> None:
    chosen = choose("bare")
    assert parts(chosen) == {
        "recipe": "duel",
        "dataset": "dots",
        "generator": "plain",
        "discriminator": "plain",
        "generator-conditioner": "none",
        "discriminator-conditioner": "none",
        "loss": "flat",
        "discriminator-optimizer": "adam",
        "discriminator-schedule": "constant",
        "generator-optimizer": "adam",
        "generator-schedule": "constant",
    }
    assert all(part.config == part.component.config() for part in chosen.parts.values())
    assert (chosen.variant, chosen.preset, chosen.recipe.name) == ("bare", "default", "duel")


def test_a_part_default_variant_file_flag() -> None:
    file = in_file("conditioner", "blend")
    expected = [("bare", {}, "none"), ("tuned", {}, "mix"), ("tuned", {"file": file}, "blend")]
    for variant, more, name in expected:
        assert set(parts(choose(variant, **more), "conditioner").values()) == {name}
    assert set(parts(choose(file=file, conditioner="none"), "conditioner").values()) == {"none"}


def test_an_option_default_variant_file_flag() -> None:
    file = in_file("loss", "steep", slope=4.0)
    assert options(choose("bare", loss="steep"), "loss").slope == 1.0
    assert options(choose("tuned"), "loss").slope == 3.0
    assert options(choose("tuned", file=file), "loss").slope == 4.0
    assert options(choose("tuned", file=file, loss_slope=6.0), "loss").slope == 6.0


def test_a_run_setting_default_variant_file_flag() -> None:
    file = {"run": {"batch_size": 16}}
    assert [choose("bare").run.batch_size, choose("tuned").run.batch_size] == [64, 8]
    assert choose("tuned", file=file).run.batch_size == 16
    assert choose("tuned", file=file, batch_size="32").run.batch_size == 32


def test_the_published_preset_stands_between_variant_and_file() -> None:
    assert options(choose(preset="published"), "loss").slope == 5.0
    assert options(choose(preset="published", file=in_file("loss", "steep", slope=4)), "loss").slope == 4.0
    assert options(choose(preset="published", loss_slope=6), "loss").slope == 6.0
    assert options(choose(preset="published"), "generator").width == 7, "what is not published stays the variant's"


def test_a_layer_changes_only_what_it_names() -> None:
    before, after = choose(), choose(loss_slope=9)
    assert {name for name in before.parts if before.parts[name] != after.parts[name]} == {"loss"}
    assert before.run == after.run


# Slots and kinds


@pytest.mark.parametrize("turned", [False, True])
def test_a_slot_beats_its_kind(turned: bool) -> None:
    asked = {"conditioner": "blend", "generator_conditioner": "none"}
    flags = dict(reversed(asked.items())) if turned else asked
    expected = {"generator-conditioner": "none", "discriminator-conditioner": "blend"}
    assert parts(choose(**flags), "conditioner") == expected
    file = {"parts": {name.replace("_", "-"): {"name": value} for name, value in flags.items()}}
    assert parts(choose(file=file), "conditioner") == expected


def test_a_kind_in_a_higher_layer_beats_a_slot_in_a_lower_one() -> None:
    file = in_file("generator-conditioner", "blend")
    assert parts(choose(file=file), "conditioner")["generator-conditioner"] == "blend"
    assert set(parts(choose(file=file, conditioner="none"), "conditioner").values()) == {"none"}


def test_a_variant_sets_a_kind_and_corrects_one_slot() -> None:
    chosen = choose()
    assert options(chosen, "generator-optimizer").lr == 0.5
    assert options(chosen, "discriminator-optimizer").lr == 0.25


def test_an_option_of_a_kind_reaches_every_slot_of_it() -> None:
    chosen = choose(optimizer_lr="0.7")
    assert options(chosen, "generator-optimizer").lr == options(chosen, "discriminator-optimizer").lr == 0.7


@pytest.mark.parametrize("turned", [False, True])
def test_an_option_of_a_slot_beats_that_of_its_kind(turned: bool) -> None:
    asked = {"optimizer_lr": 0.7, "generator_optimizer_lr": 0.9}
    chosen = choose(**dict(reversed(asked.items())) if turned else asked)
    assert options(chosen, "generator-optimizer").lr == 0.9
    assert options(chosen, "discriminator-optimizer").lr == 0.7


@pytest.mark.parametrize("turned", [False, True])
def test_an_option_of_a_slot_beats_that_of_its_kind_where_only_one_part_has_it(turned: bool) -> None:
    asked = {"optimizer_momentum": 0.7, "generator_optimizer_momentum": 0.9}
    chosen = choose(generator_optimizer="sgd", **dict(reversed(asked.items())) if turned else asked)
    assert options(chosen, "generator-optimizer").momentum == 0.9


def test_an_option_of_a_kind_reaches_only_the_parts_that_have_it() -> None:
    chosen = choose(generator_optimizer="sgd", optimizer_momentum=0.7, optimizer_lr=0.3)
    assert options(chosen, "generator-optimizer") == Sgd(lr=0.3, momentum=0.7)
    assert options(chosen, "discriminator-optimizer") == Adam(lr=0.3)


def test_underscores_dashes_words_and_values_mean_the_same() -> None:
    chosen = select(TOYS, "bare", {"generator-optimizer-betas": "0.1,0.2", "generator-width": "4"})
    same = select(TOYS, "bare", {"generator_optimizer_betas": (0.1, 0.2), "generator_width": 4})
    assert chosen == same
    assert options(chosen, "generator-optimizer").betas == (0.1, 0.2)


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert choose(loss=None, loss_slope=None, steps=None) == choose()


# Options of a part that is not there


@pytest.mark.parametrize("other", ["blend", "none"])
def test_a_variants_options_are_void_for_another_part(other: str) -> None:
    chosen = choose(conditioner=other)
    assert options(chosen, "generator-conditioner") == chosen.parts["generator-conditioner"].component.config()


def test_a_variants_options_are_void_in_the_changed_slot_alone() -> None:
    chosen = choose(generator_conditioner="blend")
    assert options(chosen, "generator-conditioner") == Blend(strength=1.0)
    assert options(chosen, "discriminator-conditioner") == Mix(strength=2.0)


def test_a_variants_options_are_void_for_a_part_with_options_of_the_same_names() -> None:
    assert options(choose(generator="other"), "generator") == Wide(width=1)
    assert options(choose(optimizer="sgd"), "generator-optimizer") == Sgd()


def test_a_variants_options_stay_where_its_own_part_is_named_again() -> None:
    assert choose(conditioner="mix", loss="steep") == choose()


def test_a_files_options_are_void_for_another_part() -> None:
    file = in_file("optimizer", "sgd", momentum=0.5, lr=0.01)
    assert options(choose("bare", file=file), "generator-optimizer") == Sgd(lr=0.01, momentum=0.5)
    assert options(choose("bare", file=file, optimizer="adam"), "generator-optimizer") == Adam()


def test_the_recipes_options_stay_whatever_is_chosen() -> None:
    assert options(choose(generator="other", loss="flat", conditioner="none"), "recipe").width == 3


# How long


@pytest.mark.parametrize(
    ("request_", "steps", "epochs"),
    [
        ({"variant": "bare"}, 5000, None),
        ({}, 100, None),
        ({"steps": 7}, 7, None),
        ({"epochs": 7}, None, 7),
        ({"preset": "published"}, None, 9),
        ({"preset": "published", "steps": 7}, 7, None),
        ({"preset": "published", "epochs": 7}, None, 7),
        ({"file": {"run": {"epochs": 4, "steps": None}}}, None, 4),
        ({"file": {"run": {"epochs": 4}}}, None, 4),
        ({"file": {"run": {"epochs": 4}}, "steps": 7}, 7, None),
        ({"preset": "published", "file": {"run": {"steps": 4, "epochs": None}}}, 4, None),
        ({"file": {"run": {"steps": 4}}, "epochs": 7}, None, 7),
    ],
)
def test_steps_and_epochs_replace_each_other(request_: dict[str, Any], steps: int | None, epochs: int | None) -> None:
    run = choose(**request_).run
    assert (run.steps, run.epochs) == (steps, epochs)


@pytest.mark.parametrize("where", ["flags", "file"])
def test_steps_and_epochs_in_one_place_are_refused(where: str) -> None:
    both = {"steps": 3, "epochs": 3}
    (problem,) = problems(**both if where == "flags" else {"file": {"run": both}})
    assert problem == "--steps and --epochs both say how long to train; give one of them"


@pytest.mark.parametrize("request_", [{"steps": "none"}, {"epochs": "none"}, {"steps": "none", "epochs": "none"}])
def test_a_run_always_has_a_length(request_: dict[str, Any]) -> None:
    try:
        run = choose("bare", **request_).run
    except UserError:
        return
    assert (run.steps is None) != (run.epochs is None)


# What is wrong, all of it


def test_every_problem_is_told_at_once() -> None:
    found = problems(
        loss="flta",
        generator="plane",
        generator_optimizer_lr="fast",
        optimzer_lr=1,
        steps=0,
        batch_size="many",
        file={"parts": {"lose": {"name": "flat"}}},
    )
    words = ["'flta'", "'plane'", "'lr'", "'--optimzer-lr'", "'steps'", "'batch-size'", "'lose'"]
    assert [word for word in words if not any(word in problem for problem in found)] == []
    assert len(found) == len(words), "each is told once"


def test_a_part_with_an_unknown_name_is_the_only_problem_of_its_options() -> None:
    (problem,) = problems(loss="steeep", loss_slope=2)
    assert "did you mean 'steep'" in problem


@pytest.mark.parametrize(
    ("flag", "nearest"),
    [
        ("optimzer_lr", "--optimizer-lr"),
        ("generator_optimiser_lr", "--generator-optimizer-lr"),
        ("batchsize", "--batch-size"),
        ("los", "--loss"),
        ("conditoner", "--conditioner"),
        ("loss_slpe", "--loss-slope"),
    ],
)
def test_an_unknown_option_suggests_the_nearest(flag: str, nearest: str) -> None:
    (problem,) = problems(**{flag: 1})
    assert problem == f"no option is called '--{flag.replace('_', '-')}'; did you mean {nearest!r}?"


def test_an_option_of_a_part_that_was_not_chosen_is_unknown() -> None:
    (problem,) = problems(loss="flat", loss_slope=2)
    assert "--loss-slope" in problem


def test_a_bad_value_names_option_owner_and_value() -> None:
    (problem,) = problems(loss_slope=-1)
    assert problem == "option 'slope' of loss 'steep' must be at least 0, not -1"


def test_a_problem_of_both_players_is_told_once() -> None:
    assert len(problems(optimizer_lr="fast")) == 1


def test_an_unknown_variant_recipe_or_preset_suggests_the_nearest() -> None:
    with pytest.raises(
        UserError, match=r"no variant is called 'tunde'; did you mean 'tuned'\? Installed: bare, moved, tuned"
    ):
        choose("tunde")
    with pytest.raises(UserError, match=r"no preset is called 'publish'; did you mean 'published'\? Presets: default"):
        choose(preset="publish")


@pytest.mark.parametrize(
    "file",
    [
        {"parts": []},
        {"parts": None},
        {"run": 3},
        {"run": None},
        {"parts": {"loss": "steep"}},
        {"parts": {"loss": {}}},
        {"parts": {"loss": {"name": 3}}},
        {"parts": {"loss": {"name": None}}},
        {"parts": {"loss": {"name": "steep", "config": [1]}}},
        {"parts": {"loss": {"name": "steep", "config": {"slope": [1]}}}},
        {"parts": {"loss": {"name": "steep", "config": {"slope": None}}}},
        {"parts": {"loss": {"name": "steep", "config": {"sloppy": 1}}}},
        {"parts": {"loss": {"name": "gone"}}},
        {"parts": {"lose": {"name": "steep"}}},
        {"parts": {"optimizer": {"name": "adam", "config": {"betas": 1}}}},
        {"parts": {"optimizer": {"name": "adam", "config": {"betas": None}}}},
        {"parts": {"recipe": {"name": "another-game"}}},
        {"run": {"steps": []}},
        {"run": {"setps": 3}},
        {"run": {"steps": 0}},
        {"run": {"device": ["cpu"]}},
        {"run": {"data_root": 3}},
        {"run": {"batch_size": None}},
    ],
    ids=str,
)
def test_a_damaged_file_is_refused_in_words(file: dict[str, Any]) -> None:
    with pytest.raises(UserError) as caught:
        choose(file=file)
    assert str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
slot_names = st.sampled_from(["loss", "optimizer", "generator-optimizer", "dataset", "recipe", "generator", "run"])
option_names = st.sampled_from(["slope", "lr", "betas", "count", "width", "momentum"])
part_names = st.sampled_from(["steep", "adam", "sgd", "dots", "duel", "plain"])
files = st.fixed_dictionaries(
    {},
    optional={
        "format": json_values,
        "variant": json_values,
        "preset": json_values,
        "parts": json_values
        | st.dictionaries(
            slot_names,
            json_values
            | st.fixed_dictionaries(
                {"name": part_names | json_values},
                optional={"config": json_values | st.dictionaries(option_names, json_values, max_size=3)},
            ),
            max_size=3,
        ),
        "run": json_values
        | st.dictionaries(
            st.sampled_from(["steps", "epochs", "batch_size", "seed", "device", "data_root", "ema", "tensorboard"]),
            json_values,
            max_size=3,
        ),
    },
)


@given(files)
def test_any_file_is_read_or_refused_in_words(file: dict[str, Any]) -> None:
    try:
        chosen = choose(file=file)
    except UserError as problem:
        told = str(problem)
    else:
        told = json.dumps(chosen.to_json())
    assert told


# Written down and read again


def test_a_selection_is_written_in_names_alone() -> None:
    written = json.dumps(choose().to_json())
    assert "some.module" not in written
    part = choose().to_json()["parts"]["loss"]
    assert part == {"name": "steep", "package": "toy-box", "version": "1.2", "config": {"slope": 3.0}}


def test_where_a_run_lives_is_not_written() -> None:
    written = choose(out="somewhere").to_json()
    assert "out" not in written["run"]
    assert "somewhere" not in json.dumps(written)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("variant", installed().names("variant"))
def test_a_written_selection_is_read_the_same(variant: str, preset: str) -> None:
    chosen = select(installed(), variant, preset=preset)
    file = json.loads(json.dumps(chosen.to_json()))
    again = select(installed(), variant, preset=preset, file=file)
    assert again == chosen
    assert again.to_json() == chosen.to_json()


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("variant", installed().names("variant"))
def test_a_written_selection_needs_no_word_beside_it(variant: str, preset: str) -> None:
    chosen = select(installed(), variant, preset=preset)
    again = select(installed(), variant, file=json.loads(json.dumps(chosen.to_json())))
    assert again.to_json() == chosen.to_json()


toy_flags = st.fixed_dictionaries(
    {},
    optional={
        "loss": st.sampled_from(["flat", "steep"]),
        "generator": st.sampled_from(["plain", "other"]),
        "conditioner": st.sampled_from(["none", "mix", "blend"]),
        "generator_conditioner": st.sampled_from(["none", "mix", "blend"]),
        "optimizer": st.sampled_from(["adam", "sgd"]),
        "discriminator_optimizer": st.sampled_from(["adam", "sgd"]),
        "optimizer_lr": st.floats(0, 1),
        "generator_optimizer_lr": st.floats(0, 1),
        "generator_width": st.integers(1, 99),
        "batch_size": st.integers(1, 99),
        "seed": st.integers(0, 2**53),
        "device": st.sampled_from(["auto", "cpu"]),
        "data_root": st.sampled_from(["data", "/some where/else"]),
        "tensorboard": st.booleans(),
    },
)


@given(toy_flags, st.sampled_from(["bare", "tuned"]), st.sampled_from(["steps", "epochs", None]))
def test_any_selection_is_read_the_same_and_is_never_changed_by_its_own_flags(
    flags: dict[str, Any], variant: str, length: str | None
) -> None:
    flags = {**flags, length: 5} if length else flags
    chosen = choose(variant, **flags)
    file = json.loads(json.dumps(chosen.to_json()))
    assert choose(variant, file=file) == chosen
    assert choose(variant, file=file, **flags) == chosen


@given(toy_flags)
def test_the_order_of_flags_is_of_no_account(flags: dict[str, Any]) -> None:
    assert choose(**dict(reversed(flags.items()))) == choose(**flags)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "'loss' is damaged"),
        ({}, "'loss' is damaged"),
        ({"name": 3}, "'loss' is damaged"),
        ({"name": "gone", "package": "far-away"}, "loss 'gone' of package 'far-away' is needed and not installed"),
        ({"name": "steep", "config": [1]}, "options of slot 'loss' are damaged"),
        ({"name": "steep", "config": {"slope": "x"}}, "option 'slope' of loss 'steep' must be a number"),
        ({"name": "steep", "config": {"sloppe": 1}}, "did you mean 'slope'"),
    ],
)
def test_a_damaged_part_is_refused_in_words(value: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        part_from_json(TOYS, Slot("loss", "loss", "flat"), value)


PUBLISHED = [entry.item for entry in installed() if isinstance(entry.item, Variant) and entry.item.published]


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.name)
def test_the_published_preset_of_a_variant_is_what_it_publishes(variant: Variant) -> None:
    chosen = select(installed(), variant.name, preset="published")
    for key, value in variant.published.items():
        owner, _, name = key.partition(".")
        reached = [part for part in chosen.parts.values() if owner in (part.slot.name, part.slot.kind)]
        configs = [chosen.run] if owner == "run" else [part.config for part in reached]
        found = {getattr(config, name) for config in configs} if name else {part.component.name for part in reached}
        assert found == {value}, key


def test_a_published_part_is_chosen_with_its_published_options() -> None:
    chosen = choose("moved", "published")
    assert parts(chosen)["loss"] == "flat"
    assert options(chosen, "generator-conditioner") == Blend(angle=0.5)
    assert options(chosen, "discriminator-conditioner") == Mix(strength=2.0)


# The first check: what does not fit


def refused(variant: str, **flags: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        check(select(installed(), variant, flags))
    assert all(isinstance(problem, str) and "\n" not in problem for problem in caught.value.problems)
    return caught.value.problems


def fits(variant: str, **flags: Any) -> dict[str, DataSpec]:
    return check(select(installed(), variant, flags))


CONDITIONERS = [
    name for name in installed().names("conditioner") if installed().component("conditioner", name).requires
]
VECTORS = [
    name
    for name in CONDITIONERS
    if all(
        "site:input-map" not in need.any_of or "site:input-vector" in need.any_of
        for need in installed().component("conditioner", name).requires
    )
]
FOR_IMAGES = [
    (kind, entry.item.name)
    for kind in ("generator", "discriminator")
    for entry in installed()
    if isinstance(entry.item, Component)
    and entry.item.kind == kind
    and any(need.any_of == ("data:image",) for need in entry.item.requires)
]


def test_what_fits_is_told_with_what_the_data_will_be() -> None:
    data = fits("cgan", dataset_size=12)
    assert data["dataset"].target_field.shape == (1, 12, 12)
    assert data["dataset"].condition == "label"


@pytest.mark.parametrize("conditioner", VECTORS)
@pytest.mark.parametrize("blind", ["generator", "discriminator"])
def test_a_condition_that_one_player_does_not_see_is_refused(conditioner: str, blind: str) -> None:
    seeing = {"generator": "discriminator", "discriminator": "generator"}[blind]
    (problem,) = refused("cgan", **{"conditioner": conditioner, f"{blind}_conditioner": "none"})
    assert problem.startswith(f"{seeing} is conditioned by {conditioner!r} but {blind} is not ('none')")
    assert "--conditioner" in problem


@pytest.mark.parametrize("conditioner", VECTORS)
def test_two_conditioners_of_two_kinds_fit_each_other(conditioner: str) -> None:
    fits("cgan", conditioner=conditioner, generator_conditioner=VECTORS[0])


def test_without_any_condition_labelled_data_fits() -> None:
    fits("cgan", conditioner="none")


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_label_plane_at_a_flat_input_is_refused(network: str) -> None:
    (problem,) = refused("cgan", **{f"{network}_conditioner": "label-plane"})
    words = ("label-plane", f"slot {network}-conditioner", f"{network} 'mlp'", "image-shaped", "--")
    assert [word for word in words if word not in problem] == []


def test_a_label_plane_at_an_image_shaped_input_fits() -> None:
    fits("dcgan", conditioner="concat", discriminator_conditioner="label-plane")


def test_the_advice_about_a_label_plane_is_not_what_was_asked_for() -> None:
    (problem,) = refused("cgan", discriminator_conditioner="label-plane")
    assert "--discriminator-conditioner label-plane" not in problem


@pytest.mark.parametrize(("kind", "name"), FOR_IMAGES)
def test_a_network_for_images_is_refused_for_points(kind: str, name: str) -> None:
    (problem,) = refused("gan", **{kind: name, "dataset": "ring"})
    words = (f"{kind} {name!r}", "images", "dataset 'ring'", "--generator mlp --discriminator mlp")
    assert [word for word in words if word not in problem] == []


@pytest.mark.parametrize("variant", ["dcgan", "cgan-conv"])
def test_convolutional_variants_on_points_are_told_about_both_networks(variant: str) -> None:
    found = refused(variant, dataset="ring", conditioner="none")
    assert {problem.split()[0] for problem in found} == {"generator", "discriminator"}
    fits(variant, dataset="ring", conditioner="none", generator="mlp", discriminator="mlp")


@pytest.mark.parametrize("size", [9, 11, 13, 15, 17, 19, 21, 25, 33, 34, 35, 38, 42, 63])
def test_a_size_that_dcgan_does_not_fit_is_refused_with_one_that_it_fits(size: int) -> None:
    found = refused("dcgan", dataset_size=size)
    assert {problem.split(":")[0] for problem in found} == {"generator 'dcgan'", "discriminator 'dcgan'"}
    for problem in found:
        assert f"not {size}×{size}" in problem
        advised = int(problem.split("set the dataset's size to ")[1].split(",")[0])
        assert abs(advised - size) <= 4
        fits("dcgan", dataset_size=advised)


@pytest.mark.parametrize("size", [8, 10, 12, 14, 16, 18, 20, 22, 24, 28, 30, 32, 40, 48, 56, 60, 64])
def test_a_size_that_is_a_small_number_doubled_fits_dcgan(size: int) -> None:
    fits("dcgan", dataset_size=size)


@pytest.mark.parametrize("size", [10, 30, 33])
def test_a_size_that_the_upsampling_generator_cannot_make_is_refused(size: int) -> None:
    (problem,) = refused("cgan-conv", dataset_size=size)
    words = ("generator 'upsampling'", "multiples of 4", f"{size}×{size}", "--generator mlp")
    assert [word for word in words if word not in problem] == []
    fits("cgan-conv", dataset_size=size - size % 4)


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of what look like images, without classes."""
    for name in ("a.png", "b.jpg"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("conditioner", VECTORS)
def test_a_conditioner_on_data_without_labels_is_refused(conditioner: str, pictures: Path) -> None:
    found = refused("cgan", dataset="folder", data_root=pictures, conditioner=conditioner)
    for problem in found:
        assert f"conditioner {conditioner!r}" in problem
        assert "dataset 'folder'" in problem
        assert "--conditioner none" in problem
    fits("cgan", dataset="folder", data_root=pictures, conditioner="none")


def test_data_without_labels_fits_an_unconditional_variant(pictures: Path) -> None:
    assert fits("gan", dataset="folder", data_root=pictures)["dataset"].condition == ""


def test_all_reasons_are_told_at_once() -> None:
    found = refused(
        "dcgan",
        dataset="ring",
        discriminator_conditioner="concat",
        generator_initialiser="xavier",
        generator="upsampling",
    )
    reasons = ("generator 'upsampling' needs images", "discriminator 'dcgan' needs images", "conditioned by 'concat'")
    assert [reason for reason in reasons if not any(reason in problem for problem in found)] == []
    assert len(found) == len(set(found)) == len(reasons)


@pytest.mark.parametrize("flags", [{"metric": "frechet"}, {"judge": "plain"}])
def test_how_to_evaluate_is_of_no_use_without_how_often(flags: dict[str, str]) -> None:
    with pytest.raises(Refused, match="--evaluate-every"):
        select(installed(), "cgan", flags)
    assert select(installed(), "cgan", {**flags, "evaluate_every": 10}).run.evaluate_every == 10


def test_a_folder_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone does not exist.*--data-root"):
        fits("gan", dataset="folder", data_root=tmp_path / "gone")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("variant", "recipe", "metric", "judge")])
def test_every_component_can_be_chosen_by_its_kind_with_every_option_as_it_is_shown(kind: str) -> None:
    for name in installed().names(kind):
        assert set(parts(select(installed(), "gan", {kind: name}), kind).values()) == {name}
        config = installed().component(kind, name).config
        typed = {f"{kind}-{item.flag}": item.show(item.default) for item in options_of(config)}
        chosen = select(installed(), "gan", {kind: name, **typed})
        assert {part.config for part in chosen.parts.values() if part.slot.kind == kind} == {config()}
