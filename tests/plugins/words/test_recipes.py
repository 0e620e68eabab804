"""The recipes that make images from captions: their terms by hand, their phases, and free text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import ganzoo
from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue.check import check
from ganzoo.contract.step_context import StepContext
from ganzoo.contract.working_state import model_state
from ganzoo.errors import Refused, UserError
from ganzoo.randomness import KeyedStreams
from ganzoo.testing.observers import StopAt
from ganzoo.testing.selections import choose
from ganzoo.training.run import train
from ganzoo_words.captions import SCENES

VARIANTS = ["text2image", "stackgan"]
SMALL: dict[str, Any] = {
    "generator_width": 3,
    "discriminator_width": 3,
    "dataset_size": 16,
    "dataset_count": 64,
    "text_encoder_size": 8,
    "latent_size": 4,
}
STAGES: dict[str, dict[str, Any]] = {
    "text2image": {},
    "stackgan": {"refiner_width": 2, "refiner_blocks": 1, "recipe_first_stage": 2},
}


def small(variant: str, out: Path | None = None, **flags: Any) -> Any:
    return choose(variant, out, **{**SMALL, **STAGES[variant], **flags})


def built(variant: str, **flags: Any) -> Any:
    selection = small(variant, **flags)
    return build_recipe(selection, check(selection)).train()


def batch_of(captions: list[int], size: int = 16) -> dict[str, dict[str, Tensor]]:
    """Random images, with the captions of these scenes and classes that are their numbers."""
    generator = torch.Generator().manual_seed(0)
    return {
        "dataset": {
            "image": torch.rand(len(captions), 3, size, size, generator=generator) * 2 - 1,
            "caption": torch.tensor([SCENES[number].tokens for number in captions]),
            "label": torch.tensor(captions) % 8,
        }
    }


def context_of(phase: str) -> StepContext:
    return StepContext(0, 10, phase, 0, KeyedStreams(0), handed={})


class TestTextToImage:
    def test_the_discriminator_weighs_a_real_pair_as_much_as_a_wrong_one_and_a_fake_together(self) -> None:
        recipe, batch = built("text2image", discriminator_norm=False), batch_of([0, 50, 100, 150])
        output = recipe.discriminate(batch, context_of("discriminator"))
        real, captions, text = recipe.captioned(batch)
        fake, _ = recipe._made(text, context_of("discriminator"))
        numbers, _ = recipe.wrong(batch, captions, context_of("discriminator"))
        pairs = ((real, text), (real, text[numbers]), (fake, text))
        match, mismatch, made = (recipe.discriminator(images, words).logit for images, words in pairs)
        expected = F.softplus(-match) + 0.5 * F.softplus(mismatch) + 0.5 * F.softplus(made)
        assert torch.allclose(output.terms["adversarial"], expected.mean(), atol=1e-5)

    def test_interpolation_adds_half_as_many_fakes_for_texts_between_two(self) -> None:
        recipe, batch, asked = built("text2image", recipe_interpolation=True), batch_of([0, 50, 100, 150]), []
        recipe.generator.register_forward_hook(lambda module, given, made: asked.append(given[1]))
        output = recipe.generate(batch, context_of("generator"))
        text = recipe.captioned(batch).text
        assert asked[0].shape[0] == 6
        halves = {tuple(((text[i] + text[j]) / 2).tolist()) for i in range(4) for j in range(4) if i != j}
        assert all(any(torch.allclose(torch.tensor(half), one) for half in halves) for one in asked[0][4:])
        assert output.generated is not None and len(output.generated.values) == 4

    def test_a_text_encoder_learns_from_the_discriminator_or_before_it(self) -> None:
        alone, before = built("text2image"), built("text2image", recipe_pretraining=3)
        assert [phase.trains for phase in alone.phases()] == [("discriminator", "text"), ("generator", "code")]
        due = [[phase.name for phase in before.phases() if phase.due(step)] for step in (0, 2, 3)]
        assert due == [["matching"], ["matching"], ["discriminator", "generator"]]
        assert before.phases()[1].trains == ("discriminator",)

    def test_the_image_encoder_of_the_pretraining_is_no_part_of_a_model(self) -> None:
        recipe = built("text2image", recipe_pretraining=3)
        assert any(name.startswith("matching.") for name in recipe.state_dict())
        assert not any(name.startswith("matching.") for name in model_state(recipe))


class TestStacked:
    def test_the_second_stage_begins_when_the_first_ends_and_leaves_it_as_it_is(self) -> None:
        recipe = built("stackgan", recipe_pretraining=1)
        due = [[phase.name for phase in recipe.phases() if phase.due(step)] for step in range(4)]
        first, second = ["discriminator", "generator"], ["refiner-discriminator", "refiner"]
        assert due == [["matching"], first, first, second]
        trained = {name for phase in recipe.phases() if phase.name in second for name in phase.trains}
        assert trained == {"refiner", "refiner_code", "refiner_discriminator"}

    def test_samples_of_the_first_stage_are_its_images_enlarged(self) -> None:
        recipe, captions = built("stackgan").eval(), batch_of([0, 50])["dataset"]["caption"]
        request = ganzoo_request(captions)
        samples = recipe.sample(request)
        assert torch.equal(samples, samples[:, :, ::2, ::2].repeat_interleave(2, 2).repeat_interleave(2, 3))
        recipe.after_update("refiner", {})
        refined = recipe.sample(ganzoo_request(captions))
        assert refined.shape == samples.shape
        assert not torch.allclose(refined, samples)

    @pytest.mark.parametrize(("size", "small"), [(8, 8), (16, 8), (48, 12), (64, 16)])
    def test_images_of_the_first_stage_have_at_least_eight_pixels_a_side(self, size: int, small: int) -> None:
        recipe = built("stackgan", dataset_size=size, recipe_factor=4)
        assert recipe._small == (small, small)
        assemble(small_of(size))


def small_of(size: int) -> Any:
    return small("stackgan", dataset_size=size, recipe_factor=4)


def ganzoo_request(captions: Tensor) -> Any:
    from ganzoo.contract.sampling import SampleRequest
    from ganzoo.randomness import ExampleDraws

    return SampleRequest(len(captions), captions, ExampleDraws(0, "sample", range(len(captions))))


@pytest.mark.parametrize("variant", VARIANTS)
def test_wrong_captions_of_another_class_need_classes(variant: str) -> None:
    fits = {"dataset": "shapes", "dataset_condition": "caption", "dataset_size": 32, "recipe_mismatch": "class"}
    assemble(small(variant, **fits))
    recipe = built(variant, recipe_mismatch="class")
    batch = batch_of([0, 8, 16, 1, 9])  # the classes 0, 0, 0, 1, 1
    numbers, _ = recipe.wrong(batch, batch["dataset"]["caption"], context_of("discriminator"))
    labels = batch["dataset"]["label"]
    assert bool((labels[numbers] != labels).all())


@pytest.mark.parametrize("variant", VARIANTS)
def test_data_without_captions_is_refused_by_name(variant: str) -> None:
    with pytest.raises(Refused, match="needs captions"):
        assemble(small(variant, dataset="mnist", dataset_size=32))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("conditioner", ["concat", "none"])
def test_it_fits_with_another_conditioner_and_with_the_recurrent_encoder(variant: str, conditioner: str) -> None:
    assemble(small(variant, conditioner=conditioner, text_encoder="gru"))


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_run_ends_with_the_same_numbers(variant: str, tmp_path: Path) -> None:
    short = {"steps": 5, "recipe_pretraining": 1, "batch_size": 4, "checkpoint_every": 2}
    whole = train(small(variant, tmp_path / "whole", **short))
    assert not train(small(variant, tmp_path / "cut", **short), [StopAt(3)]).finished
    cut = train(small(variant, tmp_path / "cut", **short), resume=True)
    assert cut.folder.model.read_bytes() == whole.folder.model.read_bytes()


def test_free_text_makes_images_and_a_word_that_no_caption_has_is_refused(tmp_path: Path) -> None:
    run = train(small("text2image", tmp_path / "run", steps=2, batch_size=4))
    model = ganzoo.load(run.folder.path)
    images = model.sample(3, label="two red circles")
    assert images.shape == (3, 3, 16, 16)
    same = model.sample(3, label="  Two  RED circles ")
    assert torch.equal(images, same)
    assert not torch.equal(images, model.sample(3, label="a blue star on the left"))
    with pytest.raises(UserError, match="no caption has the word 'dogs'"):
        model.sample(1, label="two red dogs")
