"""A part of the labelled images: the first ones of each class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue import installed
from ganzoo.catalogue.options import make
from ganzoo.contract.dataset import Dataset
from ganzoo.errors import UserError
from ganzoo.testing.stand_ins import resolve_target
from ganzoo_datasets.labelled import first_of_classes


def dataset(name: str, root: Path, **options: Any) -> Dataset:
    component = installed().component("dataset", name)
    built = resolve_target(component.target)(make(component.config, options, name), root)
    assert isinstance(built, Dataset)
    return built


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40).flatmap(
    lambda labels: st.tuples(st.just(labels), st.integers(1, len(labels)))
))  # fmt: skip
def test_the_first_of_each_class_are_taken_in_turn(drawn: tuple[list[int], int]) -> None:
    labels, count = drawn
    found = first_of_classes(torch.tensor(labels), count).tolist()
    assert found == sorted(set(found)) and len(found) == count
    taken = {name: [place for place in found if labels[place] == name] for name in set(labels)}
    most = max(map(len, taken.values()))
    for name, places in taken.items():
        assert places == [place for place, label in enumerate(labels) if label == name][: len(places)]
        assert len(places) >= min(most - 1, labels.count(name)), "no class waits while it has examples left"


def test_more_images_are_more_of_the_same(tmp_path: Path) -> None:
    few, more = (dataset("digits", tmp_path, count=count, size=8) for count in (50, 200))
    assert (len(few), len(more)) == (50, 200)
    fields = few.read(torch.arange(50))
    assert torch.bincount(fields["label"]).tolist() == [5] * 10
    known = {image.numpy().tobytes() for image in more.read(torch.arange(200))["image"]}
    assert all(image.numpy().tobytes() in known for image in fields["image"])


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "kmnist", "cifar10"])
def test_test_images_are_never_fewer(name: str, roots: dict[str, Path]) -> None:
    whole, part = (dataset(name, roots[name], split="test", count=count) for count in (None, 20))
    assert len(part) == len(whole)
    assert len(dataset(name, roots[name], split="train", count=20)) == 20


def test_more_images_than_there_are_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="it has 1797 images: give a count of at most 1797"):
        dataset("digits", tmp_path, count=1798)
