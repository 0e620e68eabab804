"""Data specs, options, and everything that is installed: read, checked and written back."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import inspect
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo import plugin
from ganzoo.assembly.parts import resolve
from ganzoo.catalogue import KINDS, Component, Config, DataConfig, DataSpec, Field, Variant, installed, option, select
from ganzoo.catalogue.data import FieldKind
from ganzoo.catalogue.options import Option, make, options_of, values_of
from ganzoo.catalogue.registry import Entry
from ganzoo.catalogue.settings import RunSettings
from ganzoo.errors import Refused, UserError
from ganzoo.text import did_you_mean, one_line

ENTRIES = list(installed())
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

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


# Fields and data specs

names = st.lists(st.text(max_size=6), min_size=1, max_size=5).map(tuple)
sizes = st.integers(1, 64)
fields = st.one_of(
    st.builds(lambda c, h, w: Field("image", (c, h, w)), sizes, sizes, sizes),
    st.builds(lambda size: Field("point", (size,)), sizes),
    st.builds(lambda words: Field("vector", (len(words),), names=words), names),
    st.builds(lambda size, words: Field("tokens", (size,), names=words), sizes, names),
    st.builds(lambda count: Field("class", classes=count), sizes),
    st.builds(lambda words: Field("class", classes=len(words), names=words), names),
)


@st.composite
def specs(draw: st.DrawFn) -> DataSpec:
    found = draw(st.dictionaries(st.text(min_size=1, max_size=5), fields, min_size=1, max_size=4))
    return DataSpec(
        found, target=draw(st.sampled_from(sorted(found))), condition=draw(st.sampled_from(["", *sorted(found)]))
    )


@given(fields)
def test_a_field_survives_json(field: Field) -> None:
    assert Field.from_json(json.loads(json.dumps(field.to_json()))) == field


@given(specs())
def test_a_data_spec_survives_json(spec: DataSpec) -> None:
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@given(st.dictionaries(st.sampled_from(["kind", "shape", "classes", "names"]), json_values) | json_values)
def test_a_damaged_field_is_refused_in_words(value: Any) -> None:
    assert told(lambda: Field.from_json(value))


@given(st.dictionaries(st.sampled_from(["fields", "target", "condition"]), json_values) | json_values)
def test_a_damaged_data_spec_is_refused_in_words(value: Any) -> None:
    assert told(lambda: DataSpec.from_json(value))


@pytest.mark.parametrize("name", ["shape", "classes"])
@pytest.mark.parametrize(
    "value", ["x", ["x", 8, 8], [None, 8, 8], [[1], 8, 8], [math.inf, 8, 8], math.nan, math.inf, {}]
)
def test_sizes_that_are_no_numbers_are_refused_in_words(name: str, value: Any) -> None:
    with pytest.raises(UserError):
        Field.from_json({"kind": "image", "shape": [1, 8, 8], "classes": 0, name: value})


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kind": "image", "shape": [3, 4096, 4096]}, "at most"),
        ({"kind": "class", "shape": [], "classes": 2**24 + 1}, "at most"),
        ({"kind": "image", "shape": [10**4000, 10**4000, 10**4000]}, "at most"),
        ({"kind": "image", "shape": [1, 8, 8], "classes": -1}, "number of classes must be set"),
        ({"kind": "class", "shape": [], "classes": -1}, "number of classes must be set"),
        ({"kind": "vector", "shape": [3], "names": ["a"]}, "3 attributes cannot have 1 names"),
        ({"kind": "image", "shape": [1, 8.0, 8]}, "not a whole number"),
        ({"kind": "image", "shape": [True, 8, 8]}, "not a whole number"),
        ({"kind": "image", "shape": "188"}, "not a list"),
        ({"kind": "class", "shape": [], "classes": 2, "names": "ab"}, "not a list"),
        ({"kind": "class", "shape": [], "classes": 1, "names": [1]}, "not a text"),
    ],
)
def test_fields_that_cannot_be_are_refused(value: Any, words: str) -> None:
    with pytest.raises(UserError, match=words) as said:
        Field.from_json(value)
    assert str(said.value).isprintable() and len(str(said.value)) < 600


def test_what_a_file_says_is_shown_without_control_characters() -> None:
    assert one_line("a\x1b[2J\nb\r\n\n c\0\ud800") == r"a\x1b[2J; b; c\x00\ud800"
    assert one_line("x" * 10_000, 20) == "x" * 20 + "…"
    assert one_line("") == "str"


def told(action: Callable[[], Any]) -> bool:
    """Return whether ``action`` did its work or told in words why it cannot; any other error goes on."""
    try:
        action()
    except UserError as problem:
        return bool(str(problem))
    return True


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ("cannot have the kind 'picture'", {"kind": "picture"}),
        ("3 sizes", {"kind": "image", "shape": (28, 28)}),
        ("3 sizes", {"kind": "image", "shape": (1, 28, 0)}),
        ("1 sizes", {"kind": "point", "shape": ()}),
        ("0 sizes", {"kind": "class", "shape": (10,), "classes": 10}),
        ("number of classes must be set", {"kind": "class"}),
        ("number of classes must be set", {"kind": "class", "classes": -1}),
        ("number of classes must be set", {"kind": "image", "shape": (1, 8, 8), "classes": 10}),
        ("10 classes cannot have 2 names", {"kind": "class", "classes": 10, "names": ("a", "b")}),
    ],
)
def test_a_field_that_contradicts_itself_is_refused(words: str, field: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=words):
        Field(**field)


@pytest.mark.parametrize(("target", "condition", "wrong"), [("picture", "", "picture"), ("image", "lable", "lable")])
def test_a_data_spec_names_only_fields_that_it_has(target: str, condition: str, wrong: str) -> None:
    with pytest.raises(UserError, match=f"'{wrong}'.*image"):
        DataSpec({"image": Field("image", (1, 8, 8))}, target, condition)


def test_a_data_spec_cannot_be_changed_from_outside() -> None:
    inside = {"image": Field("image", (1, 8, 8))}
    spec = DataSpec(inside, "image")
    inside.clear()
    assert list(spec.fields) == ["image"]
    with pytest.raises(TypeError):
        spec.fields["label"] = Field("class", classes=2)  # type: ignore[index]


@given(specs())
def test_what_a_data_spec_offers(spec: DataSpec) -> None:
    expected = {f"data:{spec.fields[spec.target].kind}"}
    if spec.condition:
        expected |= {"condition", f"condition:{spec.fields[spec.condition].kind}"}
    assert spec.provides == expected
    assert (spec.condition_field is None) == (spec.condition == "")


@given(fields)
def test_a_field_describes_itself(field: Field) -> None:
    assert field.describe()
    assert field.size == math.prod(field.shape)
    assert field.bounded == (field.kind == "image")
    assert [field.class_name(i) for i in range(field.classes)] == list(
        field.names or (str(i) for i in range(field.classes))
    )[: field.classes]


# Options: reading words


@dataclasses.dataclass(frozen=True)
class Everything(Config):
    """One option of every type."""

    whole: int = option(3, "a whole number", low=1, high=9)
    real: float = option(0.5, "a number", low=0, high=1)
    free: float = option(0.0, "a number without limits")
    text: str = option("", "text")
    flag: bool = option(True, "yes or no")
    place: Path = option(Path("data"), "a path")
    word: Literal["red", "green"] = option("red", "a word")
    pair: tuple[float, float] = option((0.5, 0.9), "two numbers", low=0, high=1)
    many: tuple[int, ...] = option((1, 2), "whole numbers", low=1)
    maybe: int | None = option(None, "a whole number or none", low=1)
    maybe_place: Path | None = option(None, "a path or none")


ITEMS = {item.name: item for item in options_of(Everything)}


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("whole", "3", 3),
        ("whole", 3.0, 3),
        ("whole", " 4 ", 4),
        ("whole", "1", 1),
        ("whole", "9", 9),
        ("real", "1e-1", 0.1),
        ("real", 1, 1.0),
        ("real", "0", 0.0),
        ("free", "-1e30", -1e30),
        ("text", "", ""),
        ("text", "two words", "two words"),
        ("flag", "yes", True),
        ("flag", "True", True),
        ("flag", "ON", True),
        ("flag", "no", False),
        ("flag", "false", False),
        ("flag", "off", False),
        ("flag", False, False),
        ("place", "a/b", Path("a/b")),
        ("place", Path("a"), Path("a")),
        ("word", "green", "green"),
        ("pair", "0.1,0.2", (0.1, 0.2)),
        ("pair", "0.1, 0.2", (0.1, 0.2)),
        ("pair", [0, 1], (0.0, 1.0)),
        ("pair", (0.1, 0.2), (0.1, 0.2)),
        ("many", "5", (5,)),
        ("many", "5,6,7", (5, 6, 7)),
        ("many", [5, 6], (5, 6)),
        ("maybe", "none", None),
        ("maybe", None, None),
        ("maybe", "7", 7),
        ("maybe_place", "none", None),
        ("maybe_place", "x/y", Path("x/y")),
    ],
)
def test_an_option_reads_words_and_values(name: str, given: Any, expected: Any) -> None:
    read = ITEMS[name].read(given)
    assert read == expected
    assert type(read) is type(expected)
    assert getattr(make(Everything, {name: given}, "owner"), name) == expected


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("whole", "0", "at least 1"),
        ("whole", "10", "at most 9"),
        ("whole", "three", "a whole number"),
        ("whole", "3.5", "a whole number"),
        ("whole", 3.5, "a whole number"),
        ("whole", "", "a whole number"),
        ("whole", True, "a whole number"),
        ("whole", None, "a whole number"),
        ("whole", "none", "a whole number"),
        ("whole", [3], "a whole number"),
        ("whole", "9" * 5000, "a whole number"),
        ("real", "-0.1", "at least 0"),
        ("real", "1.0001", "at most 1"),
        ("real", "a", "a number"),
        ("real", True, "a number"),
        ("real", "nan", "number"),
        ("free", "nan", "number"),
        ("free", math.nan, "number"),
        ("free", "inf", "number"),
        ("free", -math.inf, "number"),
        ("free", 10**400, "number"),
        ("text", None, "text"),
        ("text", [1], "text"),
        ("text", {"a": 1}, "text"),
        ("flag", "maybe", "yes or no"),
        ("flag", "", "yes or no"),
        ("flag", None, "yes or no"),
        ("flag", [True], "yes or no"),
        ("place", None, "a path"),
        ("place", 3, "a path"),
        ("word", "blue", "one of red, green"),
        ("word", "Red", "one of red, green"),
        ("word", None, "one of red, green"),
        ("word", ["red"], "one of red, green"),
        ("pair", "0.5", "2 values"),
        ("pair", "0.1,0.2,0.3", "2 values"),
        ("pair", "0.1,x", "a number"),
        ("pair", "0.1,1.5", "at most 1"),
        ("pair", [0.1, -1], "at least 0"),
        ("pair", 0.5, "values|numbers"),
        ("pair", None, "values|numbers"),
        ("many", "", "a whole number"),
        ("many", "1,,2", "a whole number"),
        ("many", "1,0", "at least 1"),
        ("many", 5, "values|numbers"),
        ("many", None, "values|numbers"),
        ("many", [[1]], "a whole number"),
        ("maybe", "0", "at least 1"),
        ("maybe", "some", "a whole number"),
    ],
)
def test_an_option_refuses_what_it_cannot_read(name: str, given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ITEMS[name].read(given)


@given(st.sampled_from(sorted(ITEMS)), json_values | st.text())
def test_an_option_reads_anything_or_raises_value_error(name: str, given: Any) -> None:
    with contextlib.suppress(ValueError):
        read = ITEMS[name].read(given)
        assert ITEMS[name].read(read) == read, "reading twice changes nothing"


@given(
    st.builds(
        Everything,
        whole=st.integers(1, 9),
        real=st.floats(0, 1),
        free=st.floats(allow_nan=False, allow_infinity=False),
        text=st.sampled_from(["", "word", "two words", "a,b", "1"]),
        flag=st.booleans(),
        place=st.sampled_from([Path("a"), Path("/b/c d")]),
        word=st.sampled_from(["red", "green"]),
        pair=st.tuples(st.floats(0, 1), st.floats(0, 1)),
        many=st.lists(st.integers(1, 2**31 - 1), min_size=1, max_size=4).map(tuple),
        maybe=st.none() | st.integers(1, 2**31 - 1),
        maybe_place=st.none() | st.just(Path("x")),
    )
)
def test_options_survive_json_and_being_typed(config: Everything) -> None:
    assert make(Everything, json.loads(json.dumps(values_of(config))), "owner") == config
    for item in options_of(Everything):
        value = getattr(config, item.name)
        assert item.read(item.show(value)) == value


def test_how_options_are_written_in_a_help_text() -> None:
    assert {item.flag: item.metavar for item in options_of(Everything)} == {
        "whole": "N",
        "real": "X",
        "free": "X",
        "text": "TEXT",
        "flag": "yes|no",
        "place": "PATH",
        "word": "red|green",
        "pair": "X,X",
        "many": "N,…",
        "maybe": "N",
        "maybe-place": "PATH",
    }


def test_an_unknown_option_suggests_the_nearest() -> None:
    with pytest.raises(Refused) as caught:
        make(Everything, {"hwole": 3}, "loss 'x'")
    assert str(caught.value).startswith("loss 'x' has no option 'hwole'; did you mean 'whole'? It has whole, real,")


def test_an_option_of_what_has_none_says_so() -> None:
    with pytest.raises(Refused, match=r"loss 'x' has no option 'lr'\. It has no options"):
        make(Config, {"lr": 3}, "loss 'x'")


def test_make_tells_all_problems_at_once() -> None:
    with pytest.raises(Refused) as caught:
        make(Everything, {"whole": 0, "colour": "red", "pair": "1", "word": "blue", "real": 0.1}, "loss 'x'")
    assert len(caught.value.problems) == 4
    assert all("loss 'x'" in problem for problem in caught.value.problems)
    assert all(
        any(word in problem for problem in caught.value.problems)
        for word in ("'whole'", "'colour'", "'pair'", "'word'")
    )


def test_a_problem_names_option_owner_limit_and_value() -> None:
    with pytest.raises(Refused, match=r"^option 'maybe-place' of loss 'x' must be a path, not 7$"):
        make(Everything, {"maybe_place": 7}, "loss 'x'")


def test_a_config_that_refuses_itself_is_told_with_its_owner() -> None:
    @dataclasses.dataclass(frozen=True)
    class Picky(Config):
        low: int = option(0, "low")
        high: int = option(1, "high")

        def __post_init__(self) -> None:
            if self.low >= self.high:
                raise ValueError("low must be below high")

    with pytest.raises(Refused, match=r"^loss 'x': low must be below high$"):
        make(Picky, {"low": 3}, "loss 'x'")


def test_a_dataset_without_a_spec_is_told_to_have_one() -> None:
    with pytest.raises(TypeError, match="define spec"):
        DataConfig().spec(Path())


@pytest.mark.parametrize(
    ("name", "end"), [("hing", "; did you mean 'hinge'?"), ("qqqqq", "."), ("", "."), ("HINGE", ".")]
)
def test_the_nearest_name(name: str, end: str) -> None:
    assert did_you_mean(name, ["bce", "hinge", "lsgan"]) == end


# Everything that is installed


def test_there_is_something_of_every_kind() -> None:
    assert {entry.item.kind for entry in ENTRIES} == set(KINDS)


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
    "penalty": plugin.Penalty,
    "latent": plugin.Latent,
    "initialiser": plugin.Initialiser,
    "schedule": plugin.Schedule,
    "dataset": plugin.Dataset,
    "metric": plugin.Metric,
    "judge": plugin.Judge,
}


@each_component
def test_a_target_is_what_its_kind_says_and_complete(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    target = resolve(entry.item)
    if entry.item.kind not in BASES:
        assert entry.item.kind == "optimizer"
        assert list(inspect.signature(target).parameters) == ["config", "parameters"]
        return
    assert issubclass(target, BASES[entry.item.kind])
    assert not inspect.isabstract(target), target.__abstractmethods__


@each_component
def test_a_target_is_built_with_what_the_contract_says(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    arguments = {
        "recipe": ["config", "parts", "data"],
        "generator": ["config", "in_shape", "out", "sites"],
        "discriminator": ["config", "in_shape", "sites"],
        "conditioner": ["config", "shape", "condition"],
        "optimizer": ["config", "parameters"],
        "dataset": ["config", "root"],
        "judge": ["config", "field", "condition"],
    }
    found = inspect.signature(resolve(entry.item)).parameters
    assert list(found) == arguments.get(entry.item.kind, ["config"])


@each_component
def test_a_conditioner_acts_at_a_site_unless_it_asks_for_nothing(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    if entry.item.kind == "conditioner":
        assert bool(resolve(entry.item).sites) == bool(entry.item.requires)


@each_component
def test_no_finished_part_is_the_base_of_another(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    target = resolve(entry.item)
    others = {resolve(other.item) for other in COMPONENTS if isinstance(other.item, Component)} - {target}
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
    yield from (f"data:{kind}" for kind in get_args(FieldKind))
    yield from (f"condition:{kind}" for kind in get_args(FieldKind))
    yield from ("data:unseen", "model:class")  # of data in parts, and of conditional models


@each_component
def test_the_slots_of_a_recipe_default_to_what_is_installed(entry: Entry) -> None:
    assert isinstance(entry.item, Component)
    slots = entry.item.slots
    assert len({slot.name for slot in slots}) == len(slots)
    by_name = {slot.name: slot for slot in slots}
    for slot in slots:
        assert slot.default in installed().names(slot.kind)
        assert slot.of == "" or by_name[slot.of].kind in ("generator", "discriminator")
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
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


@each_variant
def test_a_variant_selects(entry: Entry) -> None:
    for preset in ("default", "published"):
        chosen = select(installed(), entry.item.name, preset=preset)
        assert chosen.variant == entry.item.name
        assert set(chosen.parts) == {"recipe", *(slot.name for slot in chosen.recipe.slots)}
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


def test_the_registry_lists_in_the_order_of_kinds_and_names() -> None:
    found = [(list(KINDS).index(entry.item.kind), entry.item.name) for entry in ENTRIES]
    assert found == sorted(found)
    assert [entry.item.name for entry in ENTRIES if entry.item.kind == "loss"] == list(installed().names("loss"))


def test_an_unknown_name_suggests_the_nearest_and_tells_what_there_is() -> None:
    losses = ", ".join(installed().names("loss"))
    with pytest.raises(UserError) as caught:
        installed().entry("loss", "hing")
    assert str(caught.value) == f"no loss is called 'hing'; did you mean 'hinge'? Installed: {losses}"


def test_an_unknown_kind_suggests_the_nearest() -> None:
    with pytest.raises(UserError, match=r"no kind is called 'los'; did you mean 'loss'\? Kinds: variant, recipe"):
        installed().names("los")


def test_a_name_of_two_kinds_is_found_twice() -> None:
    assert {entry.item.kind for entry in installed().find("mlp")} == {"generator", "discriminator"}
    with pytest.raises(UserError, match=r"nothing is called 'mpl'; did you mean 'mlp'\?"):
        installed().find("mpl")
