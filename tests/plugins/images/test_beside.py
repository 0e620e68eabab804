"""An image and more as the condition: how it is divided, and what conditioners make of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Config, DataSpec, Field
from ganzoo.catalogue.check import check
from ganzoo.contract.field_values import values_of
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import Refused, UserError
from ganzoo.randomness import KeyedStreams
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.checkpoints import resume, write_checkpoint
from ganzoo_images.beside import ImageAndRest, Landmarks, Planes
from ganzoo_images.conditioner_options import LandmarksConfig

SMALL: dict[str, Any] = {"dataset_count": 20, "generator_width": 3, "discriminator_width": 3}
IMAGE, KIND, POINTS = Field("image", (3, 8, 8)), Field("class", classes=4), Field("vector", (6,))
FIELDS = {"image": IMAGE, "kind": KIND, "points": POINTS, "target": IMAGE}


@pytest.mark.parametrize("condition", ["image", "image+kind", "kind+image", "points+image+kind"])
def test_a_condition_is_divided_into_its_image_and_the_rest(condition: str) -> None:
    spec = DataSpec(FIELDS, target="target", condition=condition)
    values = {"image": torch.rand(2, 3, 8, 8), "kind": torch.tensor([3, 1]), "points": torch.rand(2, 6)}
    names = condition.split("+")
    field = spec.condition_field
    assert field is not None
    joined = values_of(field).join(values) if len(names) > 1 else values["image"]  # type: ignore[attr-defined]
    divided = ImageAndRest(spec)
    image, rest = divided(joined)
    assert torch.equal(image, values["image"])
    others = [name for name in names if name != "image"]
    if not others:
        assert rest is None and divided.rest is None
    elif others == ["kind"]:
        assert rest is not None and torch.equal(rest, values["kind"])
    else:
        assert rest is not None and torch.equal(rest, torch.cat([values["points"], values["kind"][:, None]], dim=1))


@pytest.mark.parametrize("condition", ["kind", "image+target"])
def test_a_condition_has_one_image(condition: str) -> None:
    with pytest.raises(ValueError, match="must have one image"):
        ImageAndRest(DataSpec(FIELDS, target="target", condition=condition))


def test_only_a_condition_with_one_image_and_more_offers_it() -> None:
    offered = {
        condition: "condition:image-and-more" in DataSpec(FIELDS, "target", condition).provides
        for condition in ("image", "image+kind", "kind+points", "image+target")
    }
    assert offered == {"image": False, "image+kind": True, "kind+points": False, "image+target": False}


def test_planes_are_one_hot_classes_or_numbers() -> None:
    x = torch.rand(2, 3, 8, 8)
    classes = Planes(Config(), (3, 8, 8), KIND)
    made = classes(x, torch.tensor([2, 0]))
    assert classes.out_shape == (7, 8, 8) == made.shape[1:]
    assert torch.equal(made[:, :3], x)
    assert torch.equal(made[:, 3:, 5, 5], torch.eye(4)[[2, 0]])
    numbers = torch.rand(2, 6)
    assert torch.equal(Planes(Config(), (3, 8, 8), POINTS)(x, numbers)[:, 3:, 0, 7], numbers)


def test_a_spot_is_where_its_point_is() -> None:
    spots = Landmarks(LandmarksConfig(radius=0.1), (1, 20, 10), Field("vector", (4,)))
    points = torch.tensor([[0.1, 0.55, -0.9, -0.95]])  # centres of the pixels (5, 15) and (0, 0), x and y
    made = spots(torch.zeros(1, 1, 20, 10), points)
    assert spots.out_shape == (3, 20, 10) == made.shape[1:]
    for plane, (row, column) in zip(made[0, 1:], ((15, 5), (0, 0)), strict=True):
        assert plane[row, column] == pytest.approx(1.0)
        assert plane.argmax() == row * 10 + column
        assert plane[row + 2, column] == pytest.approx(torch.exp(torch.tensor(-0.5)).item(), abs=1e-5)


def test_landmarks_take_points_alone() -> None:
    with pytest.raises(ValueError, match=r"not 4 classes: use --conditioner planes"):
        Landmarks(LandmarksConfig(), (3, 8, 8), KIND)


def built(**flags: Any) -> Any:
    selection = choose("pose", **{**SMALL, **flags})
    return build_recipe(selection, check(selection)).train()


def batch_of(recipe: Any, count: int = 4) -> dict[str, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    given, true = (torch.rand(count, 3, 8, 8, generator=generator) * 2 - 1 for _ in range(2))
    joints = torch.rand(count, 22, generator=generator) * 2 - 1
    joined = values_of(recipe.condition_field).join({"input": given, "joints": joints})  # type: ignore[attr-defined]
    return {"dataset": {"input": given, "joints": joints, "target": true, "input+joints": joined}}


@pytest.mark.parametrize("conditioner", ["landmarks", "planes"])
def test_both_networks_see_the_image_and_the_joints(conditioner: str) -> None:
    recipe = built(conditioner=conditioner)
    batch = batch_of(recipe)
    planes = {"landmarks": 11, "planes": 22}[conditioner]
    assert next(recipe.generator.parameters()).shape[1] == 3 + planes
    assert next(recipe.discriminator.parameters()).shape[1] == 6 + planes
    context = StepContext(0, 10, "generator", 0, KeyedStreams(0), handed={})
    context.receive(recipe.generate(batch, context).handed)
    made, fields = context.handed("made"), batch["dataset"]
    assert made is not None
    pairs = (torch.cat([fields["input"], image], dim=1) for image in (fields["target"], made))
    logits = [recipe.discriminator(pair, fields["joints"]).logit for pair in pairs]
    expected = 0.5 * recipe.loss.discriminator(*logits).mean()
    assert torch.allclose(recipe.discriminate(batch, context).terms["adversarial"], expected)


def test_points_and_images_move_together_or_not_at_all() -> None:
    with pytest.raises(Refused, match="moves images, and not the points"):
        assemble(choose("pose", recipe_flip=True))


def test_conditioners_of_more_than_an_image_need_it() -> None:
    with pytest.raises(Refused, match=r"conditioner 'planes'.*or data with an image and more as the condition"):
        assemble(choose("pix2pix", conditioner="planes"))
    with pytest.raises((Refused, UserError), match="or a variant that takes an image and more"):
        assemble(choose("gan", dataset="poses", conditioner="planes"))


def test_a_resumed_training_is_the_same_to_the_bit(tmp_path: Path) -> None:
    selection, folder = choose("pose", tmp_path, **SMALL), RunFolder(tmp_path)
    whole, again = make_trainer(selection), make_trainer(selection)
    for step in range(4):
        if step == 2:
            write_checkpoint(folder.checkpoints, whole, selection)
        whole.advance()
    resume(folder, again, selection, print)
    for _ in range(2):
        again.advance()
    assert moved(everything(whole), everything(again)) == set()


def test_a_picture_of_a_joined_condition_shows_its_image() -> None:
    spec = DataSpec(FIELDS, target="target", condition="kind+image")
    field = spec.condition_field
    assert field is not None
    values = values_of(field)
    images = torch.rand(2, 3, 8, 8)
    joined = values.join({"image": images, "kind": torch.tensor([1, 2])})  # type: ignore[attr-defined]
    assert values.tiled and torch.equal(values.tiles(joined), images)
    assert not values_of(DataSpec(FIELDS, "target", "kind+points").condition_field).tiled  # type: ignore[arg-type]
