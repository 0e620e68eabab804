"""Coloured shapes with captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganzoo.catalogue.options import make
from ganzoo.testing.strategies import examples
from ganzoo_datasets import scenes
from ganzoo_datasets.drawing import DISTANCES
from ganzoo_datasets.scenes import SCENES, SHAPES, VOCABULARY, ShapesConfig, describe
from ganzoo_datasets.shapes import ShapesDataset, pictures, truth

# The shapes


def test_every_scene_has_a_caption_of_its_own() -> None:
    captions = {describe(scene) for scene in SCENES}
    assert len(captions) == len(SCENES) == len({scene.attributes for scene in SCENES})
    assert "a large red circle on the left" in captions
    assert "a small white star" in captions
    assert max(len(caption.split()) for caption in captions) == scenes.CAPTION_LENGTH
    assert set(DISTANCES) == set(SHAPES)
    for scene in SCENES:
        words = " ".join(VOCABULARY[token] for token in scene.tokens if token)
        assert words == describe(scene)
        assert sum(scene.attributes) == 4


@examples(10)
@given(
    seed=st.integers(0, 2**53),
    indices=st.lists(st.integers(0, 10_000_000 - 1), min_size=1, max_size=20),
    size=st.sampled_from([16, 32]),
)
def test_a_shape_depends_on_seed_and_index_alone(seed: int, indices: list[int], size: int) -> None:
    dataset = ShapesDataset(ShapesConfig(seed=seed, size=size, count=10_000_000), Path())
    fields = dataset.read(torch.tensor(indices))
    for place, index in enumerate(indices):
        alone = ShapesDataset(ShapesConfig(seed=seed, size=size, count=index + 1), Path()).read(torch.tensor([index]))
        assert all(torch.equal(fields[name][place : place + 1], alone[name]) for name in fields)
        scene = truth(seed, index)
        assert SHAPES[int(fields["label"][place])] == scene.shape
        assert tuple(fields["attributes"][place].tolist()) == scene.attributes
        assert tuple(fields["caption"][place].tolist()) == scene.tokens


def test_shapes_are_as_large_as_bright_and_where_the_truth_says() -> None:
    images = pictures(0, np.arange(2000), 32).astype(float)
    colour = np.abs(images - images[:, :, :1, :1]).max(axis=1) > 40
    for index in range(2000):
        scene = truth(0, index)
        rows, columns = np.nonzero(colour[index])
        assert len(rows) > 10
        middle = (columns.min() + columns.max()) / 2 - 15.5, (rows.min() + rows.max()) / 2 - 15.5
        expected = np.array(scenes.PLACES[scene.place]) * 32
        # The box of a triangle or a crescent is not about its centre.
        assert np.abs(np.array(middle) - expected).max() < 3.5, scene
        width = max(np.ptp(rows), np.ptp(columns)) + 1
        assert (width > 12.5) == (scene.size == "large"), (scene, width)
        inside = images[index][:, colour[index]]
        shown = inside[:, np.linalg.norm(inside - images[index][:, 0, :1], axis=0).argmax()]
        likeness = {name: shown @ rgb / np.linalg.norm(rgb) for name, rgb in scenes.COLOURS.items()}
        assert max(likeness, key=likeness.__getitem__) == scene.colour


def test_shapes_are_balanced_and_bounded() -> None:
    fields = ShapesDataset(ShapesConfig(), Path()).read(torch.arange(10_000))
    share = fields["attributes"].mean(dim=0)
    for group in (scenes.SHAPES, scenes.COLOURS, scenes.SIZES, scenes.PLACES):
        for name in group:
            assert abs(float(share[scenes.ATTRIBUTES.index(name)]) - 1 / len(group)) < 0.02
    for index in (-1, 10_000):
        with pytest.raises(IndexError):
            ShapesDataset(ShapesConfig(), Path()).read(torch.tensor([index]))


@pytest.mark.parametrize(("condition", "kind"), [("label", "class"), ("attributes", "vector"), ("caption", "tokens")])
def test_shapes_condition_on_what_was_chosen(condition: str, kind: str) -> None:
    spec = make(ShapesConfig, {"condition": condition}, "shapes").spec(Path())
    assert f"condition:{kind}" in spec.provides
    assert not any("condition" in offer for offer in ShapesConfig(condition="none").spec(Path()).provides)
