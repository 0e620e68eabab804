"""Which source of a choice overrules which: default, variant, preset, file, flag; slots and kinds."""

from __future__ import annotations

import pytest

from ganzoo.catalogue import Registry, Variant, select
from ganzoo.catalogue.discovery import Plugin, Provider
from ganzoo.errors import UserError
from ganzoo.testing.toy_registry import TOYS, Adam, Blend, Mix, Sgd, Wide, choose, in_file, options, parts

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


def test_a_named_preset_stands_between_variant_and_file() -> None:
    quick = choose(preset="quick")
    assert (options(quick, "loss").slope, quick.run.steps, quick.run.batch_size) == (8.0, 20, 8)
    assert options(choose(preset="quick", file=in_file("loss", "steep", slope=4)), "loss").slope == 4.0
    assert options(choose(preset="quick", loss_slope=6), "loss").slope == 6.0
    again = select(TOYS, "tuned", file=quick.to_json())
    assert (again.run.steps, again.preset) == (20, "quick"), "a run keeps its preset"


def test_a_preset_belongs_to_its_variant() -> None:
    with pytest.raises(UserError, match=r"no preset of 'bare' is called 'quick'.* Presets: default, published"):
        choose("bare", preset="quick")


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


def test_underscores_and_dashes_mean_the_same_in_a_variant() -> None:
    variant = Variant(
        name="underscored",
        summary="underscores and dashes in turn",
        recipe="duel",
        parts={"generator_conditioner": "mix"},
        overrides={"discriminator_optimizer.lr": 0.25, "run.batch-size": 8},
    )
    registry = Registry([*TOYS.plugins, Plugin(Provider("more", "toy-box", "1"), variants=(variant,))])
    selection = select(registry, "underscored")
    assert parts(selection, "conditioner") == {"generator-conditioner": "mix", "discriminator-conditioner": "none"}
    assert (options(selection, "discriminator-optimizer").lr, selection.run.batch_size) == (0.25, 8)


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
