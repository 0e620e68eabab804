"""From a request to one resolved choice: problems, configuration files, and writing it down; needs no torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue import (
    Variant,
    installed,
    select,
)
from ganzoo.errors import UserError
from ganzoo.testing.toy_registry import Blend, Mix, choose, options, parts, problems

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
    with pytest.raises(UserError, match=r"'tuned' is called 'publish'; did you mean 'published'\? Presets: default"):
        choose(preset="publish")


@pytest.mark.parametrize(
    "file",
    [
        {"parts": []},
        {"parts": None},
        {"run": 3},
        {"run": None},
        {"parts": {"loss": 3}},
        {"parts": {"loss": ["steep"]}},
        {"parts": {"loss": {"nam": "steep"}}},
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
            st.sampled_from(
                ["steps", "epochs", "batch_size", "seed", "device", "data_root", "ema", "tensorboard", "observer"]
            ),
            json_values | st.just("bell"),
            max_size=3,
        ),
        "observers": json_values
        | st.dictionaries(
            st.sampled_from(["bell", "tensorboard", "x"]),
            json_values
            | st.fixed_dictionaries(
                {"name": part_names | json_values},
                optional={
                    "config": json_values | st.dictionaries(option_names, json_values, max_size=3),
                    "package": st.sampled_from(["local", "toy-box"]),
                    "file": json_values,
                },
            ),
            max_size=2,
        ),
        "variant_file": json_values,
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


PRESETS = [(name, preset) for name in installed().names("variant") for preset in installed().variant(name).preset_names]


@pytest.mark.parametrize(("variant", "preset"), PRESETS)
def test_a_written_selection_is_read_the_same(variant: str, preset: str) -> None:
    chosen = select(installed(), variant, {"data_root": Path("data").absolute()}, preset=preset)
    file = json.loads(json.dumps(chosen.to_json()))
    again = select(installed(), variant, preset=preset, file=file)
    assert again == chosen
    assert again.to_json() == chosen.to_json()


@pytest.mark.parametrize(("variant", "preset"), PRESETS)
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
        "observer": st.sampled_from(["bell", "tensorboard", "bell,tensorboard", "none"]),
    },
)


@given(toy_flags, st.sampled_from(["bare", "tuned"]), st.sampled_from(["steps", "epochs", None]))
def test_any_selection_is_read_the_same_and_is_never_changed_by_its_own_flags(
    flags: dict[str, Any], variant: str, length: str | None
) -> None:
    flags = {**flags, "data_root": Path("data").absolute()} | ({length: 5} if length else {})
    chosen = choose(variant, **flags)
    file = json.loads(json.dumps(chosen.to_json()))
    assert choose(variant, file=file) == chosen
    assert choose(variant, file=file, **flags) == chosen


@given(toy_flags)
def test_the_order_of_flags_is_of_no_account(flags: dict[str, Any]) -> None:
    assert choose(**dict(reversed(flags.items()))) == choose(**flags)


PUBLISHED = [entry.item for entry in installed() if isinstance(entry.item, Variant) and entry.item.published]


@pytest.mark.parametrize("variant", PUBLISHED, ids=lambda variant: variant.name)
def test_the_published_preset_of_a_variant_is_what_it_publishes(variant: Variant) -> None:
    chosen = select(installed(), variant.name, preset="published")
    for key, value in variant.published.items():
        owner, _, name = key.partition(".")
        # What is said of a slot itself goes before what is said of its kind.
        reached = [
            part
            for part in chosen.parts.values()
            if owner == part.slot.name
            or (owner == part.slot.kind and key.replace(owner, part.slot.name, 1) not in variant.published)
        ]
        assert reached or owner == "run", key
        configs = [chosen.run] if owner == "run" else [part.config for part in reached]
        found = {getattr(config, name) for config in configs} if name else {part.component.name for part in reached}
        assert found == {value}, key


def test_a_published_part_is_chosen_with_its_published_options() -> None:
    chosen = choose("moved", "published")
    assert parts(chosen)["loss"] == "flat"
    assert options(chosen, "generator-conditioner") == Blend(angle=0.5)
    assert options(chosen, "discriminator-conditioner") == Mix(strength=2.0)
