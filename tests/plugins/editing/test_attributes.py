"""The recipe of attributes: its terms, its encoders, its outputs, and the known defects of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue.check import check
from ganzoo.contract.sampling import SampleRequest
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import UserError
from ganzoo.randomness import ExampleDraws, KeyedStreams
from ganzoo.testing.models import untrained
from ganzoo.testing.selections import choose
from ganzoo_editing.encoders import Encoder
from ganzoo_editing.recipe import EDIT, exchanged

SMALL: dict[str, Any] = {
    "generator_width": 3,
    "discriminator_width": 3,
    "latent_size": 5,
    "dataset_size": 16,
}


ENCODERS = {"recipe_encoder_width": 3}


def built(variant: str = "icgan", **flags: Any) -> Any:
    selection = choose(variant, **{**SMALL, **(ENCODERS if variant == "icgan" else {}), **flags})
    return build_recipe(selection, check(selection)).train()


def batch_of(count: int = 6) -> dict[str, dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, 16, 16, generator=generator) * 2 - 1
    attributes = torch.randint(2, (count, 6), generator=generator).float()
    return {"dataset": {"image": images, "edited": images, "attributes": attributes, "others": attributes}}


def context_of(phase: str) -> StepContext:
    return StepContext(0, 10, phase, 0, KeyedStreams(0), handed={})


def request(count: int, condition: Tensor, output: str = "") -> SampleRequest:
    return SampleRequest(count, condition, ExampleDraws(0, "sample", range(count)), output=output)


@pytest.mark.parametrize("variant", ["icgan", "attribute-gan"])
def test_a_small_one_trains_and_draws(variant: str, tmp_path: Path) -> None:
    few = {"steps": 2, "batch_size": 4, "dataset_count": 8, "progress": False}
    run = ganzoo.train(variant, **{**SMALL, **few}, out=tmp_path / "run")
    assert ganzoo.load(run.folder.path).sample(2, label="smiling+hat").shape == (2, 3, 16, 16)


class TestDiscriminator:
    def test_real_examples_with_exchanged_attributes_are_fakes(self) -> None:
        recipe = built(recipe_mismatched=0.5, discriminator_norm=False)
        batch, context = batch_of(), context_of("discriminator")
        real, attributes = batch["dataset"]["image"], batch["dataset"]["attributes"]
        z = recipe.latent.draw(6, context_of("discriminator").draws("noise"))
        of_real, of_wrong = (recipe.discriminator(real, each).logit for each in (attributes, exchanged(attributes)))
        of_fake = recipe.discriminator(recipe.generator(z, attributes), attributes).logit
        halves = (recipe.loss.discriminator(of_real, other) for other in (of_fake, of_wrong))
        expected = 0.5 * sum(halves).mean()
        assert torch.allclose(recipe.discriminate(batch, context).terms["adversarial"], expected, atol=1e-5)

    def test_attributes_that_both_of_a_pair_have_are_not_wrong(self) -> None:
        """A known defect: wrong pairs that are right after all, as both examples have the same condition."""
        recipe = built(recipe_mismatched=0.5, discriminator_norm=False)
        batch = batch_of()
        batch["dataset"]["attributes"][:] = 1.0
        mixed = recipe.discriminate(batch, context_of("discriminator")).terms["adversarial"]
        recipe._config = choose("icgan", recipe_mismatched=0.0).parts["recipe"].config
        assert torch.equal(recipe.discriminate(batch, context_of("discriminator")).terms["adversarial"], mixed)

    def test_a_batch_is_divided_between_pairs_alone(self) -> None:
        assert (built(recipe_mismatched=0.5).pack, built(recipe_mismatched=0.0).pack) == (2, 1)


class TestKernel:
    def test_attributes_of_fakes_are_those_of_the_data_with_normal_noise(self) -> None:
        recipe, given = built("attribute-gan", recipe_kernel=0.2), torch.ones(5000, 6)
        asked = recipe._asked(given, context_of("generator").draws("attributes"))
        assert float((asked - given).std()) == pytest.approx(0.2, rel=0.05)
        assert float((asked - given).mean()) == pytest.approx(0.0, abs=0.01)

    def test_without_a_kernel_they_are_those_of_the_data(self) -> None:
        recipe, given = built(), torch.ones(4, 6)
        assert recipe._asked(given, context_of("generator").draws("attributes")) is given


class TestEncoders:
    def test_the_encoder_of_noise_learns_from_generated_examples_with_their_noise(self) -> None:
        """A known defect: an encoder of noise that is fitted on real examples, whose noise nobody knows."""
        recipe, batch = built(), batch_of()
        attributes = batch["dataset"]["attributes"]
        term = recipe.fit_noise(batch, context_of("noise-encoder")).terms["squared error"]
        z = recipe.latent.draw(6, context_of("noise-encoder").draws("noise"))
        made = recipe.generator.eval()(z, attributes).detach()
        assert torch.allclose(term, (recipe.noise_encoder(made) - z).square().mean(), atol=1e-5)
        batch["dataset"]["image"] = -batch["dataset"]["image"]
        again = recipe.fit_noise(batch, context_of("noise-encoder")).terms["squared error"]
        assert torch.allclose(again, term, atol=1e-5)

    def test_it_leaves_the_statistics_of_the_generator_as_they_are(self) -> None:
        recipe = built()
        before = {name: buffer.clone() for name, buffer in recipe.generator.named_buffers()}
        recipe.fit_noise(batch_of(), context_of("noise-encoder"))
        assert recipe.generator.training
        assert all(torch.equal(buffer, before[name]) for name, buffer in recipe.generator.named_buffers())

    @pytest.mark.parametrize("signed", [False, True])
    def test_both_networks_and_the_encoder_have_one_scale_of_attributes(self, signed: bool) -> None:
        """A known defect: labels of ±1 for one network, and of 0 and 1 for another."""
        recipe, batch = built(recipe_signed=signed), batch_of()
        attributes = batch["dataset"]["attributes"]
        seen = []
        for network in (recipe.generator, recipe.discriminator):
            network.register_forward_pre_hook(lambda _, given: seen.append(given[1].detach()))
        recipe.discriminate(batch, context_of("discriminator"))
        recipe.generate(batch, context_of("generator"))
        recipe.sample(request(6, attributes))
        recipe.verdicts(batch["dataset"]["image"], attributes)
        levels = {-1.0, 1.0} if signed else {0.0, 1.0}
        assert all({*values.unique().tolist()} == levels for values in seen)
        # An encoder that is always right has no error, and what it recognises is what people write.
        recipe.attribute_encoder = Answer(2 * attributes - 1 if signed else attributes)
        assert float(recipe.fit_attributes(batch, context_of("attribute-encoder")).terms["squared error"]) == 0.0
        assert torch.equal(recipe.recognise(batch["dataset"]["image"]), attributes)

    def test_without_encoders_there_is_one_output_and_nothing_is_recognised(self) -> None:
        recipe = built("attribute-gan")
        assert [*recipe.outputs] == [""]
        assert [phase.name for phase in recipe.phases()] == ["discriminator", "generator"]
        images = batch_of()["dataset"]["image"]
        assert recipe.encode(images, None) == ()
        assert len(recipe.recognise(images)) == 0

    @pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 20), (3, 64, 64)])
    def test_an_encoder_takes_images_of_any_size(self, shape: tuple[int, ...]) -> None:
        assert Encoder(shape, 2, 4, 7)(torch.zeros(3, *shape)).shape == (3, 7)

    def test_the_published_ones_have_the_published_layers(self) -> None:
        layers = Encoder((3, 64, 64), 32, 512, 18).layers
        convolutions = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
        assert [(layer.out_channels, layer.kernel_size, layer.stride) for layer in convolutions] == [
            (width, (5, 5), (2, 2)) for width in (32, 64, 128, 256)
        ]
        dense = [(layer.in_features, layer.out_features) for layer in layers if isinstance(layer, nn.Linear)]
        assert dense == [(256 * 16, 512), (512, 18)]


class Answer(nn.Module):
    def __init__(self, answer: Tensor):
        super().__init__()
        self._answer = answer

    def forward(self, images: Tensor) -> Tensor:
        return self._answer


def test_an_edit_is_what_the_generator_makes_of_the_encoded_noise_and_the_wanted_attributes() -> None:
    recipe, fields = built().eval(), batch_of()["dataset"]
    wanted = 1 - fields["attributes"]
    both = torch.cat([fields["image"].flatten(1), wanted], dim=1)
    edited = recipe.sample(request(6, both, EDIT))
    assert torch.allclose(edited, recipe.generator(recipe.encode(fields["image"], None)[0], wanted), atol=1e-6)
    assert recipe.field(recipe.outputs[EDIT].condition).shape == (3 * 16 * 16 + 6,)


def test_after_the_gan_only_the_encoders_learn() -> None:
    phases = built(recipe_gan_steps=7).phases()
    assert {phase.name: phase.last for phase in phases} == {
        "discriminator": 7,
        "generator": 7,
        "noise-encoder": None,
        "attribute-encoder": None,
    }


class TestEditing:
    """`ganzoo edit` uses the encoders of the model."""

    def test_attributes_of_an_original_are_recognised_and_single_ones_are_changed(self, tmp_path: Path) -> None:
        model = untrained(tmp_path / "a.safetensors", "icgan", **SMALL, **ENCODERS)
        original = batch_of(2)["dataset"]["image"]
        attributes = torch.tensor([[1.0, 0, 0, 1, 0, 0], [0, 1, 0, 0, 0, 1]])
        model.recipe.attribute_encoder = Answer(attributes)
        found = model.invert(original, starts=1, steps=2)
        assert found.conditions is not None and torch.equal(found.conditions, attributes)
        changed = found.edited(change="hat+smiling=0")
        wanted = attributes.clone()
        wanted[:, 5], wanted[:, 0] = 1, 0
        assert torch.equal(changed, found.edited([*wanted]))
        with pytest.raises(UserError, match="no attribute is called 'smile'"):
            found.edited(change="smile")

    def test_what_is_chosen_as_a_whole_is_not_changed_in_part(self, tmp_path: Path) -> None:
        model = untrained(tmp_path / "a.safetensors", "cgan", generator_widths=(4,), latent_size=3)
        found = model.invert(torch.zeros(1, *model.output.shape), "3", starts=1, steps=1)
        with pytest.raises(UserError, match="are chosen as a whole: give --label"):
            found.edited(change="8")
