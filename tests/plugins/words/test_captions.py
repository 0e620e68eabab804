"""Captioned shapes: every caption has its scene, combinations are held out, and what is drawn can be read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo_datasets.scenes import COLOURS, PLACES, SHAPES
from ganzoo_words.captioned_shapes import CaptionedShapes
from ganzoo_words.captions import (
    SCENES,
    TESTS,
    VOCABULARY,
    CaptionedScene,
    CaptionedShapesConfig,
    HeldOut,
    described,
    scenes_of,
)
from ganzoo_words.reading import read_scenes


def data(**options: Any) -> CaptionedShapes:
    return CaptionedShapes(CaptionedShapesConfig(**options), Path())


def words(tokens: torch.Tensor) -> str:
    return " ".join(VOCABULARY[token] for token in tokens.tolist() if token)


def test_every_scene_has_a_caption_of_its_own_that_names_it() -> None:
    assert len({scene.caption for scene in SCENES}) == len(SCENES) == 640
    assert all(described(scene.caption) == scene for scene in SCENES)
    assert all(words(torch.tensor(scene.tokens)) == scene.caption for scene in SCENES)
    assert described("two red circles") == CaptionedScene("two", "red", "circle", "centre")
    assert described("two crosses") is None


@pytest.mark.parametrize("held_out", ["triples", "pairs"])
def test_a_held_out_combination_is_in_the_test_alone_and_all_its_parts_are_in_the_training(held_out: HeldOut) -> None:
    train, test = scenes_of("train", held_out), scenes_of("test", held_out)
    parts = {"triples": ("colour", "shape", "place"), "pairs": ("colour", "shape")}[held_out]
    combinations = [{tuple(getattr(scene, part) for part in parts) for scene in some} for some in (train, test)]
    assert not combinations[0] & combinations[1]
    assert len(train) + len(test) == len(SCENES)
    for part, values in (("colour", COLOURS), ("shape", SHAPES), ("place", PLACES)):
        for some in (train, test):
            assert {getattr(scene, part) for scene in some} == set(values)
    if held_out == "triples":  # each two parts of a held-out combination are seen together
        for pair in (("colour", "shape"), ("colour", "place"), ("shape", "place")):
            seen = {tuple(getattr(scene, part) for part in pair) for scene in train}
            assert {tuple(getattr(scene, part) for part in pair) for scene in test} <= seen


def test_with_nothing_held_out_both_parts_have_all_and_differ() -> None:
    assert scenes_of("train", "none") == scenes_of("test", "none") == SCENES
    one, other = (data(held_out="none", split=split).read(torch.arange(8))["image"] for split in ("train", "test"))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("size", [24, 32])
def test_what_is_drawn_is_read_back_without_an_error(split: str, size: int) -> None:
    drawn = data(split=split, size=size, seed=3).read(torch.arange(300))
    found = [scene.caption for scene in read_scenes(drawn["image"].float() / 127.5 - 1)]
    assert found == [words(tokens) for tokens in drawn["caption"]]


def test_an_image_of_something_else_is_not_read_as_its_caption() -> None:
    drawn = data().read(torch.arange(40))
    images = drawn["image"].float() / 127.5 - 1
    found = [scene.caption for scene in read_scenes(images.roll(1, dims=1))]  # other colours
    assert sum(one == words(tokens) for one, tokens in zip(found, drawn["caption"], strict=True)) < 8


def test_an_example_follows_from_its_number_alone() -> None:
    whole, some = data().read(torch.arange(30)), data().read(torch.tensor([7, 3]))
    assert all(torch.equal(whole[name][[7, 3]], some[name]) for name in whole)
    assert len(data(split="test")) == TESTS
    assert data().identities() != data(split="test").identities()
    with pytest.raises(IndexError):
        data(count=5).read(torch.tensor([5]))
