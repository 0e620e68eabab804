"""What a page offers for a condition: every word of it is read, whatever the type of the field."""

from __future__ import annotations

import pytest
import torch

from ganzoo.catalogue.data import Field, joined
from ganzoo.contract.field_values import values_of
from ganzoo.fields.images import ImageValues

COLOURS = Field("vector", (2,), names=("red", "large"))
WORDS = Field("tokens", (4,), names=("<pad>", "a", "circle", "<unk>"))
OFFERED = {
    "classes by name": (Field("class", classes=2, names=("cat", "dog")), ("cat", "dog"), ""),
    "classes by number": (Field("class", classes=3), ("0", "1", "2"), ""),
    "attributes": (COLOURS, ("red", "large"), "red"),
    "numbers": (Field("vector", (3,)), (), "0,0,0"),
    "captions": (WORDS, ("a", "circle"), "a"),
}


@pytest.mark.parametrize("name", OFFERED)
def test_every_word_is_read(name: str) -> None:
    field, words, start = OFFERED[name]
    values = values_of(field)
    offered = values.chooser()
    assert (tuple(offered.words), offered.start) == (words, start)
    for word in (*words, *filter(None, [start])):
        assert values.read(word).shape == field.shape
    assert start or values.has_every


@pytest.mark.parametrize("name", ["attributes", "captions"])
def test_several_words_are_one_value(name: str) -> None:
    field, words, _ = OFFERED[name]
    offered = values_of(field).chooser()
    both = values_of(field).read(offered.separator.join(words))
    assert all(not torch.equal(both, values_of(field).read(word)) for word in words)


def test_a_joined_field_offers_its_members() -> None:
    field = joined({"label": Field("class", classes=2, names=("cat", "dog")), "attributes": COLOURS})
    offered = values_of(field).chooser()
    assert {name: member.start for name, member in offered.members.items()} == {"label": "cat", "attributes": "red"}
    word = "; ".join(f"{name}={member.start}" for name, member in offered.members.items())
    assert values_of(field).read(word).tolist() == [0, 1, 0]


def test_a_value_that_is_a_file_is_offered_as_one() -> None:
    assert values_of(Field("image", (1, 4, 4))).chooser().files == ImageValues.inputs
