"""Options: read from words and values, checked, and shown in help texts."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue import Config, option
from ganzoo.catalogue.options import make, options_of, values_of
from ganzoo.errors import Refused
from ganzoo.testing.strategies import json_values

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
