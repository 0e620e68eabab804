"""The pictures of an exploration are those that the other commands make of the same noise."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo.drawing import png, to_pil, to_uint8
from ganzoo.errors import UserError
from ganzoo.explore.explorer import Explorer
from ganzoo.explore.wish import Wish
from ganzoo.pictures import draw_examples
from ganzoo.studio.export import columns_for
from ganzoo.studio.model import Model
from ganzoo.studio.walk import AlongDirection, BetweenSeeds, Start
from ganzoo.testing.models import untrained


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """Models that nobody trained, which are enough to see what a picture is made of."""
    folder = tmp_path_factory.mktemp("models")
    small = {"generator_width": 2, "discriminator_width": 2}
    asked: dict[str, tuple[str, dict[str, Any]]] = {
        "cgan": ("cgan", {}),
        "gan": ("gan", {}),
        "infogan": ("infogan", {}),
        "points": ("gan", {"dataset": "ring", "dataset_size": None}),
        "translator": ("pix2pix", small),
    }
    for name, (variant, options) in asked.items():
        untrained(folder / f"{name}.safetensors", variant, **options)
    return {name: ganzoo.load(folder / f"{name}.safetensors") for name in asked}


def drawn(model: Model, examples: torch.Tensor, conditions: torch.Tensor | None) -> bytes:
    columns = columns_for(len(examples), conditions, model.condition)
    return png(draw_examples(examples, model.output, conditions, model.condition, columns))


def test_a_seed_gives_the_samples_of_the_seed(models: dict[str, Model]) -> None:
    model = models["cgan"]
    made = drawn(model, model.sample(20, seed=3, truncation=0.7), model.conditions(20))
    # 16 examples of ten classes end with a whole row.
    assert Explorer(model).draw(Wish(seed=3, count=16, truncation=0.7)) == made


def test_a_label_is_the_condition_of_all(models: dict[str, Model]) -> None:
    model = models["cgan"]
    made = drawn(model, model.sample(4, "7", seed=3), model.conditions(4, "7"))
    assert Explorer(model).draw(Wish(seed=3, count=4, label="7")) == made


def test_the_way_to_a_second_seed_is_that_of_a_walk(models: dict[str, Model]) -> None:
    model = models["gan"]
    walk = BetweenSeeds(Start(model, 4), 1, 5)
    assert Explorer(model).draw(Wish(seed=1, second=5, share=0.25, count=4)) == drawn(model, walk.at(0.25), None)


def test_directions_are_those_of_a_walk(models: dict[str, Model]) -> None:
    model = models["gan"]
    walk = AlongDirection(Start(model, 4), 1, 2, 0.0, 2.5)
    assert Explorer(model).draw(Wish(seed=1, count=4, directions={2: 2.5})) == drawn(model, walk.at(1.0), None)


def test_a_step_along_a_coordinate_moves_it_alone(models: dict[str, Model]) -> None:
    model = models["gan"]
    start = Start(model, 4)
    noise = start.noise(1)
    latent = noise.latent.clone()
    latent[:, 7] += 1.5
    made = drawn(model, start.generate(noise.with_latent(latent), None), None)
    assert Explorer(model).draw(Wish(seed=1, count=4, dimensions={7: 1.5})) == made


def test_what_a_recipe_lets_one_choose_is_offered_and_chosen(models: dict[str, Model]) -> None:
    model = models["infogan"]
    explorer, name = Explorer(model), next(iter(model.recipe.controls))
    assert set(explorer.offer().controls) == set(model.recipe.controls)
    made = drawn(model, model.sample(4, controls={name: "3"}), None)
    assert explorer.draw(Wish(count=4, controls={name: "3"})) == made


@pytest.mark.parametrize("name", ["cgan", "gan", "infogan", "points"])
def test_what_is_offered_is_there(name: str, models: dict[str, Model]) -> None:
    model = models[name]
    offer = Explorer(model).offer()
    assert (offer.conditional, offer.needs_condition) == (model.condition is not None, False)
    assert offer.dimensions > 0 and 0 < offer.directions <= 12
    assert bool(offer.images) == (model.output.kind == "image") == offer.counted
    last = Wish(count=1, dimensions={offer.dimensions - 1: 1.0}, directions={offer.directions - 1: 1.0})
    assert Explorer(model).draw(last).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        (Wish(label="ten"), "no class"),
        (Wish(dimensions={100: 1.0}), "0 to 99"),
        (Wish(directions={100: 1.0}), "0 to 99"),
        (Wish(controls={"code": "3"}), "no control"),
        (Wish(found=True), "no image"),
    ],
    ids=["label", "dimension", "direction", "control", "image"],
)
def test_what_the_model_does_not_have_is_refused(wish: Wish, word: str, models: dict[str, Model]) -> None:
    with pytest.raises(UserError, match=word):
        Explorer(models["cgan"]).draw(wish)


def test_an_image_is_found_and_edited(models: dict[str, Model], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ganzoo.explore.explorer.ITERATIONS", 2)
    model = models["cgan"]
    explorer = Explorer(model)
    before = explorer.draw(Wish(count=1, label="3"))
    found = explorer.find(png(to_pil(to_uint8(model.sample(1, "7", seed=5))[0])), Wish(label="7"))
    assert found.picture.startswith(b"\x89PNG") and 0 < found.error < 1
    edited = explorer.draw(Wish(count=16, label="3", found=True))
    assert edited != before and Image.open(io.BytesIO(edited)).size == Image.open(io.BytesIO(before)).size
    assert explorer.draw(Wish(label="3", found=True, directions={0: 2.0})) != edited
    # Without a label, the image is seen as each class.
    assert Image.open(io.BytesIO(explorer.draw(Wish(found=True)))).width > 300


def test_a_file_is_the_condition_of_a_model_that_takes_files(models: dict[str, Model]) -> None:
    model = models["translator"]
    explorer = Explorer(model)
    offer = explorer.offer()
    assert ".png" in offer.condition.files
    assert not offer.images or offer.dimensions
    with pytest.raises(UserError, match="choose a file"):
        explorer.draw(Wish())
    with pytest.raises(UserError, match="choose a file"):
        explorer.draw(Wish(label="/etc/passwd"))
    buffer = io.BytesIO()
    Image.new("RGB", (12, 9), "red").save(buffer, "PNG")
    explorer.take(buffer.getvalue())
    assert explorer.draw(Wish(given=True)).startswith(b"\x89PNG")


def test_a_file_that_is_no_image_is_refused(models: dict[str, Model]) -> None:
    with pytest.raises(UserError, match="the file"):
        Explorer(models["cgan"]).find(b"no picture at all", Wish())
    with pytest.raises(UserError, match="takes no files"):
        Explorer(models["cgan"]).take(b"")
