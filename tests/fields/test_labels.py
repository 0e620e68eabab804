"""Labels: one meaning for every type in which a class, an attribute or a word is given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from ganzoo.catalogue.data import Field, joined
from ganzoo.contract.field_values import values_of
from ganzoo.errors import UserError
from ganzoo.fields.joined import JoinedValues
from ganzoo.text import warn_once

NUMBERS = ("1", "2", "3", "10")
DIGITS = tuple("0123456789")
ANIMALS = ("cat", "dog", "ox")
FORMS: dict[str, Callable[[int], Any]] = {
    "text": str,
    "text with spaces": lambda number: f" {number} " if number > 9 else str(number),
    "int": int,
    "numpy": np.int64,
    "small numpy": np.uint8,
    "numpy array": np.array,
    "tensor": torch.tensor,
    "tensor of bytes": lambda number: torch.tensor(number, dtype=torch.uint8),
    "numpy text": lambda number: np.str_(str(number)),
}


def classes(names: tuple[str, ...], count: int = 0) -> Field:
    return Field("class", classes=count or len(names), names=names)


def read(field: Field, value: Any) -> int:
    return int(values_of(field).read(value))


@pytest.fixture(autouse=True)
def anew() -> None:
    """What was said once may be said again."""
    warn_once.cache_clear()


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(
    ("names", "number", "index"),
    [(NUMBERS, 1, 0), (NUMBERS, 3, 2), (NUMBERS, 10, 3), (DIGITS, 7, 7), (ANIMALS, 2, 2), ((), 4, 4)],
)
def test_a_label_means_the_same_in_every_type(
    form: Callable[[int], Any], names: tuple[str, ...], number: int, index: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read(classes(names, 0 if names else 10), form(number)) == index
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_an_index_among_names_that_are_numbers_is_told_once(
    form: Callable[[int], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert [read(classes(NUMBERS), form(0)) for _ in range(2)] == [0, 0]
    said = capsys.readouterr().err
    assert said.count("label 0 is read as an index, as no class is called 0: it is class '1'") == 1


@pytest.mark.parametrize(
    ("names", "value", "words"),
    [
        (NUMBERS, 7, "no class is called 7, as they are called 1, 2, 3, 10; by index, class 7 is out of range"),
        (NUMBERS, "7", "no class is called 7, as they"),
        (ANIMALS, 3, "class 3 is out of range: there are the classes 0 to 2"),
        (ANIMALS, -1, "class -1 is out of range"),
        (ANIMALS, 1.0, "no class is called 1.0"),
        (ANIMALS, torch.tensor(1.0), "no class is called"),
        (ANIMALS, "cta", "no class is called 'cta'; did you mean 'cat'"),
    ],
)
def test_what_is_no_class_is_refused(names: tuple[str, ...], value: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        read(classes(names), value)


COMPOSED, DECOMPOSED = "\u00c4pfel", "A\u0308pfel"


@pytest.mark.parametrize(("has", "given"), [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_names_are_found_in_either_form_of_unicode(has: str, given: str) -> None:
    label = classes(("Birnen", has))
    assert read(label, given) == 1
    attributes = Field("vector", (2,), names=("rot", has))
    assert values_of(attributes).read(f"rot+{given}").tolist() == [1, 1]
    assert values_of(attributes).read(f"{given}=0.5").tolist() == [0, 0.5]
    caption = Field("tokens", (3,), names=("<pad>", "rote", has.lower()))
    assert values_of(caption).read(f"rote {given}").tolist() == [1, 2, 0]
    both = JoinedValues(joined({"label": label, "attributes": attributes}))
    assert both.read(f"label={given}; attributes={given}").tolist() == [1, 0, 1]
