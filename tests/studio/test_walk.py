"""Walks: they begin and end where they say, and what lies between is a mixture."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo.catalogue import installed
from ganzoo.contract.field_values import values_of
from ganzoo.errors import UserError
from ganzoo.studio.mixed_conditions import mixed_conditions
from ganzoo.studio.model import Model
from ganzoo.studio.walk import (
    AlongDimension,
    AlongDirection,
    BetweenConditions,
    BetweenSeeds,
    Start,
    Walk,
    between_conditions,
    path,
)
from ganzoo.studio.walk_pictures import frames_of, write_walk
from ganzoo.testing.models import some_condition, untrained
from ganzoo.testing.selections import each_variant

COUNT = 3
SHAPES = {"dataset": "shapes", "dataset_size": 16}
RING = {"dataset": "ring", "dataset_size": None}
CONDITIONS: Mapping[str, tuple[str, Mapping[str, Any], tuple[str, str]]] = {
    **{
        name: ("cgan", {"conditioner": name}, ("3", "8"))
        for name in ("concat", "multiply", "add", "one-hot", "film")
    },
    "label-plane": ("cgan-conv", {}, ("3", "8")),
    "batch norm": ("cgan-conv", {"conditioner": "conditional-batch-norm"}, ("3", "8")),
    "acgan": ("acgan", {"dataset_size": 16}, ("3", "8")),
    "attributes": ("cgan", SHAPES | {"dataset_condition": "attributes"}, ("red", "blue+large")),
    "joined": (
        "cgan",
        SHAPES | {"dataset_condition": "label+attributes"},
        ("label=circle; attributes=red", "label=square; attributes=blue"),
    ),
    "captions": ("cgan", SHAPES | {"dataset_condition": "caption"}, ("red", "blue")),
    "points": ("cgan", RING, ("0", "4")),
}  # fmt: skip


def start_of(model: Model, **options: Any) -> Start:
    return Start(model, COUNT, model.conditions(COUNT, some_condition(model)), **options)


@pytest.mark.parametrize("variant", each_variant("recipe"))
def test_every_variant_walks_between_seeds_and_along_coordinates(variant: str, tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", variant, dataset_size=16)
    start = start_of(model)
    makers = (
        lambda: BetweenSeeds(start, 4, 9),
        lambda: AlongDimension(start, 4, 2),
        lambda: AlongDirection(start, 4, 0),
    )
    if not start.noise(4).draws:
        for make in makers:
            with pytest.raises(UserError, match=r"no noise.*--labels"):
                make()
        return
    first, last = (model.sample(COUNT, some_condition(model), seed) for seed in (4, 9))
    steps = path(BetweenSeeds(start, 4, 9), 3)
    assert torch.allclose(steps[0], first, atol=1e-4) and torch.allclose(steps[2], last, atol=1e-4)
    assert not torch.allclose(steps[0], steps[1], atol=1e-4)
    # Where dropout is the noise, a coordinate is one unit of a layer, and units that are not active change nothing.
    coordinates = (2,) if "latent" in model.header.parts else range(8)
    for walks in ([AlongDimension(start, 4, one) for one in coordinates], [AlongDirection(start, 4, 0)]):
        ends = [path(walk, 2) for walk in walks]
        assert all(step.isfinite().all() for steps in ends for step in steps)
        assert not all(torch.allclose(low, high, atol=1e-5) for low, high in ends)
    middle = AlongDirection(start, 4, 1, -1.0, 1.0).at(0.5)  # no step at all
    assert torch.allclose(middle, first, atol=1e-4)


@pytest.mark.parametrize("case", CONDITIONS)
def test_between_two_conditions_is_something_else(case: str, tmp_path: Path) -> None:
    variant, flags, labels = CONDITIONS[case]
    model = untrained(tmp_path / "a.safetensors", variant, **flags)
    with torch.random.fork_rng(), torch.no_grad():  # some conditioners begin with scales and shifts that do nothing
        for weight in model.recipe.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    walk = between_conditions(Start(model, COUNT), 4, labels)
    steps = path(walk, 3)
    for place, label in ((0, labels[0]), (2, labels[1])):
        assert torch.allclose(steps[place], model.sample(COUNT, label, seed=4), atol=1e-4), place
    assert not torch.allclose(steps[1], steps[0], atol=1e-5) and not torch.allclose(steps[1], steps[2], atol=1e-5)
    assert walk.title == " → ".join(values_of(model.condition).word(one) for one in model.conditions(2, labels))


def test_half_way_between_classes_the_embedding_is_the_mean(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "cgan", conditioner="add")
    between = between_conditions(Start(model, COUNT), 4, ("3", "8")).at(0.5)
    table = model.recipe.generator.input.embedding.weight
    with torch.no_grad():
        table[3] = (table[3] + table[8]) / 2
    assert torch.allclose(between, model.sample(COUNT, 3, seed=4), atol=1e-4)


def test_attributes_mix_as_numbers(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "cgan", **SHAPES, dataset_condition="attributes")
    first, second = model.conditions(2, ["red", "blue+large"])
    between = between_conditions(Start(model, COUNT), 4, ("red", "blue+large")).at(0.5)
    assert torch.allclose(between, model.sample(COUNT, (first + second) / 2, seed=4), atol=1e-4)


def test_conditions_that_no_conditioner_sees_are_refused(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan")
    with pytest.raises(UserError, match="no conditioner"), mixed_conditions(model.recipe, torch.tensor([1]), 0.5):
        model.sample(1)


def test_truncation_brings_examples_together(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan")
    spread = [
        float(BetweenSeeds(Start(model, 20, truncation=psi), 0, 1).at(0).std(0).mean()) for psi in (1.0, 0.3, 0.0)
    ]
    assert spread[0] > 2 * spread[1] > 0
    assert spread[2] < 1e-5


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda start: AlongDimension(start, 0, 12), "dimensions 0 to 11, not 12"),
        (lambda start: AlongDirection(start, 0, 12), "directions 0 to 11, not 12"),
        (lambda start: between_conditions(start, 0, ("3", "8")), "unconditional.*--between"),
    ],
)
def test_what_a_model_does_not_have_is_told(make: Any, told: str, tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan", latent_size=12)
    with pytest.raises(UserError, match=told):
        make(Start(model, 2))


def test_a_model_of_images_from_images_walks_between_two_of_them(tmp_path: Path) -> None:
    from ganzoo.catalogue.plugin_files import plugins_from

    file = Path(__file__).parents[2] / "examples" / "image_to_image.py"
    with plugins_from([file]):
        model = untrained(tmp_path / "a.safetensors", "my-pix2pix", registry=installed(), dataset_size=16)
        pictures = []
        for name, shade in (("a.png", 40), ("b.png", 220)):
            Image.new("RGB", (16, 16), (shade, 0, 0)).save(tmp_path / name)
            pictures.append(str(tmp_path / name))
        steps = path(between_conditions(Start(model, 1), 0, (pictures[0], pictures[1])), 3)
        mean = (model.conditions(1, pictures[:1]) + model.conditions(1, pictures[1:])) / 2
        assert torch.allclose(steps[1], model.sample(1, input=mean), atol=1e-4)
        with pytest.raises(UserError, match="no noise"):
            BetweenSeeds(start_of(model), 0, 1)


# Pictures


def walk_of(tmp_path: Path, variant: str = "cgan", **flags: Any) -> Walk:
    return BetweenSeeds(start_of(untrained(tmp_path / "a.safetensors", variant, **flags)), 0, 1)


def test_a_gif_goes_there_and_back_and_every_frame_has_its_own_text(tmp_path: Path) -> None:
    walk = walk_of(tmp_path)
    write_walk(tmp_path / "a.gif", walk, 5)
    with Image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 8  # 0 1 2 3 4 3 2 1
    frames = frames_of(walk, [torch.zeros(COUNT, 1, 8, 8)] * 3)
    tops = {frame.crop((0, 0, frame.width, 20)).tobytes() for frame in frames}
    assert len(tops) == 3


def test_a_strip_has_a_column_for_each_step_and_names_of_the_rows(tmp_path: Path) -> None:
    write_walk(tmp_path / "a.png", walk_of(tmp_path), 7)
    write_walk(tmp_path / "b.png", walk_of(tmp_path, "gan"), 7)
    with Image.open(tmp_path / "a.png") as named, Image.open(tmp_path / "b.png") as plain:
        assert plain.width == 7 * 51 + 3
        assert named.width == plain.width + 80


@pytest.mark.parametrize("name", ["a.gif", "a.png"])
@pytest.mark.parametrize("flags", [RING, {"dataset": "moving-discs"}], ids=["points", "videos"])
def test_points_and_videos_are_drawn_too(name: str, flags: dict[str, Any], tmp_path: Path) -> None:
    write_walk(tmp_path / name, walk_of(tmp_path, "gan", **flags), 3)
    with Image.open(tmp_path / name) as picture:
        assert len(picture.convert("RGB").getcolors(10**6) or []) > 2


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.mp4"])
def test_the_same_walk_gives_the_same_bytes(name: str, tmp_path: Path) -> None:
    if name.endswith("mp4"):
        pytest.importorskip("av", reason="ganzoo[video] is not installed")
    walk, written = walk_of(tmp_path), []
    for _ in range(2):
        write_walk(tmp_path / name, walk, 3)
        written.append((tmp_path / name).read_bytes())
    assert written[0] == written[1]


def test_a_video_has_the_frames_of_the_walk(tmp_path: Path) -> None:
    av = pytest.importorskip("av", reason="ganzoo[video] is not installed")
    walk = walk_of(tmp_path)
    write_walk(tmp_path / "a.mp4", walk, 5)
    with av.open(io.BytesIO((tmp_path / "a.mp4").read_bytes())) as video:
        shown = [frame.to_image() for frame in video.decode(video=0)]
    first = frames_of(walk, path(walk, 5))[0]
    assert len(shown) == 8
    assert shown[0].width % 2 == shown[0].height % 2 == 0
    near, exact = (np.asarray(one.convert("L"), dtype=float) for one in (shown[0].crop((0, 0, *first.size)), first))
    assert np.abs(near - exact).mean() < 6


def test_without_its_package_a_video_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'ganzoo\[video\]'"):
        write_walk(tmp_path / "a.mp4", walk_of(tmp_path), 3)


def test_the_walk_between_conditions_keeps_the_noise(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "cgan")
    first, second = model.conditions(2, ["3", "3"])
    walk = BetweenConditions(Start(model, COUNT), 0, first, second, ("3", "3"))
    assert torch.allclose(walk.at(0.0), walk.at(0.7), atol=1e-6)
