"""Fields and data specs: read, checked, and written back."""

from __future__ import annotations

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue import DataSpec, Field
from ganzoo.catalogue.registry import Entry
from ganzoo.errors import UserError
from ganzoo.testing.strategies import fields, json_values, specs
from ganzoo.text import one_line


def label(entry: Entry) -> str:
    return entry.label


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
        ("no type of field is called .picture.", {"type": "picture"}),
        ("3 sizes", {"type": "image", "shape": (28, 28)}),
        ("3 sizes", {"type": "image", "shape": (1, 28, 0)}),
        ("1 sizes", {"type": "point", "shape": ()}),
        ("0 sizes", {"type": "class", "shape": (10,), "classes": 10}),
        ("number of classes must be set", {"type": "class"}),
        ("number of classes must be set", {"type": "class", "classes": -1}),
        ("number of classes must be set", {"type": "image", "shape": (1, 8, 8), "classes": 10}),
        ("10 classes cannot have 2 names", {"type": "class", "classes": 10, "names": ("a", "b")}),
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
        field = spec.fields[spec.condition]
        expected |= {"condition", f"condition:{field.kind}"} | ({"condition:embedding"} if field.embedded else set())
        expected |= {"pairs"}
    assert spec.provides == expected
    assert (spec.condition_field is None) == (spec.condition == "")


@given(specs())
def test_data_without_pairs_says_so(spec: DataSpec) -> None:
    unpaired = replace(spec, paired=False)
    assert unpaired.provides == spec.provides - {"pairs"}
    assert DataSpec.from_json(json.loads(json.dumps(unpaired.to_json()))) == unpaired
    assert pickle.loads(pickle.dumps(unpaired)) == unpaired


@given(fields)
def test_a_field_describes_itself(field: Field) -> None:
    assert field.describe()
    assert field.size == math.prod(field.shape)
    assert field.bounded == (field.kind == "image")
    assert [field.class_name(i) for i in range(field.classes)] == list(
        field.names or (str(i) for i in range(field.classes))
    )[: field.classes]
