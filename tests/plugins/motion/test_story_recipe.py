"""The recipe of stories: both discriminators, wrong stories, the state of a story, the first frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue.check import check
from ganzoo.contract.field_values import values_of
from ganzoo.contract.sampling import SampleRequest
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import Refused
from ganzoo.randomness import ExampleDraws, FreshDraws, KeyedStreams
from ganzoo.testing.selections import choose
from ganzoo_editing.recipe import exchanged
from ganzoo_motion.narrator import Narrator, divergence

VARIANTS = ["caption2video", "image2video", "storygan"]
SMALL: dict[str, Any] = {
    "generator_width": 2,
    "discriminator_width": 2,
    "story_discriminator_width": 2,
    "latent_size": 3,
    "recipe_code": 5,
    "dataset_frames": 4,
    "dataset_size": 8,
}
PLAIN = {"discriminator_norm": False, "story_discriminator_norm": False}


def built(variant: str, **flags: Any) -> Any:
    selection = choose(variant, **{**SMALL, **flags})
    return build_recipe(selection, check(selection)).train()


def batch_of(recipe: Any, count: int = 4) -> dict[str, dict[str, Tensor]]:
    draws = FreshDraws(torch.Generator().manual_seed(0))
    fields = recipe.data["dataset"].fields.items()
    return {"dataset": {name: values_of(field).trial(count, draws) for name, field in fields}}


def context_of(phase: str) -> StepContext:
    return StepContext(0, 10, phase, 0, KeyedStreams(0), handed={})


def request(count: int, condition: Tensor | None) -> SampleRequest:
    return SampleRequest(count, condition, ExampleDraws(0, "sample", range(count)))


@pytest.mark.parametrize(
    ("variant", "options"),
    [
        *((variant, {}) for variant in VARIANTS),
        ("caption2video", {"dataset": "moving-discs"}),  # classes
        ("caption2video", {"dataset_condition": "digit+direction"}),
        ("caption2video", {"conditioner": "none"}),
    ],
)
def test_a_small_one_trains_and_makes_clips(variant: str, options: dict[str, Any], tmp_path: Path) -> None:
    few = {"steps": 2, "batch_size": 4, "dataset_count": 8, "progress": False}
    run = ganzoo.train(variant, **{**SMALL, **few, **options}, out=tmp_path / "run")
    model = ganzoo.load(run.folder.path)
    if model.condition is None:
        assert model.sample(2).shape == (2, *model.output.shape)
        return
    trial = values_of(model.condition).trial(2, FreshDraws(torch.Generator().manual_seed(0)))
    assert model.sample(2, label=[*trial]).shape == (2, *model.output.shape)


class TestDiscriminators:
    @pytest.mark.parametrize("variant", ["caption2video", "storygan"])
    def test_real_clips_with_the_story_of_another_one_are_fakes_for_both(self, variant: str) -> None:
        recipe = built(variant, recipe_mismatched=0.25, **PLAIN)
        batch = batch_of(recipe)
        real, story = (batch["dataset"][ref.field] for ref in (recipe.output, recipe.condition))
        each = story.view(4, 4, -1) if variant == "storygan" else story[:, None].expand(-1, 4, -1)
        cases = (
            ("discriminator", recipe.discriminate, recipe.discriminator, lambda x: x.flatten(0, 1), each),
            ("story-discriminator", recipe.discriminate_stories, recipe.story_discriminator,
             lambda x: x.flatten(1, 2), story[:, None]),
        )  # fmt: skip
        for name, loss, network, shaped, said in cases:
            made, _, _ = recipe._told(real, story, context_of(name))
            right, wrong = said.flatten(0, 1), exchanged(said).flatten(0, 1)
            of_real, of_made, of_wrong = (
                network(shaped(clips), words).logit for clips, words in ((real, right), (made, right), (real, wrong))
            )
            terms = [recipe.loss.discriminator(of_real, other).mean() for other in (of_made, of_wrong)]
            expected = 0.75 * terms[0] + 0.25 * terms[1]
            assert torch.allclose(loss(batch, context_of(name)).terms["adversarial"], expected, atol=1e-5), name

    def test_two_clips_with_one_story_are_no_wrong_pair(self) -> None:
        """A known defect: wrong pairs that share their class or caption."""
        recipe = built("caption2video", recipe_mismatched=0.5, **PLAIN)
        batch = batch_of(recipe)
        batch["dataset"]["caption"][1::2] = batch["dataset"]["caption"][::2]
        mixed = recipe.discriminate_stories(batch, context_of("x")).terms["adversarial"]
        recipe._mismatched = 0.0
        assert torch.equal(recipe.discriminate_stories(batch, context_of("x")).terms["adversarial"], mixed)

    def test_the_order_of_frames_matters_to_the_discriminator_of_clips_alone(self) -> None:
        recipe = built("caption2video").eval()
        batch = batch_of(recipe)["dataset"]
        clips, caption = batch["video"], batch["caption"]
        backwards = clips.flip(1)
        stories = [recipe.verdicts(each, caption) for each in (clips, backwards)]
        assert not torch.allclose(*stories)
        frames = [
            recipe.discriminator(each.flatten(0, 1), caption.repeat_interleave(4, 0)).logit.view(4, 4).sum(1)
            for each in (clips, backwards)
        ]
        assert torch.allclose(*frames, atol=1e-5)


class TestNarrator:
    def test_the_divergence_depends_on_the_story_and_reaches_its_weights(self) -> None:
        """A known defect: a divergence that is a constant, as mean and variance are both the raw input."""
        recipe = built("storygan")
        output = recipe.generate(batch_of(recipe), context_of("generator"))
        output.terms["divergence"].backward()
        for layer in (recipe.narrator.mean, recipe.narrator.log_variance, recipe.narrator.story[0]):
            assert float(layer.weight.grad.abs().sum()) > 0

    def test_the_divergence_is_that_of_two_normal_distributions(self) -> None:
        mean, log_variance = torch.randn(5, 3), torch.randn(5, 3)
        one = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        expected = torch.distributions.kl_divergence(one, torch.distributions.Normal(0.0, 1.0)).sum(1)
        assert torch.allclose(divergence(mean, log_variance), expected, atol=1e-5)

    def test_the_mean_takes_any_sign_and_the_deviation_any_size(self) -> None:
        """A known defect: a ReLU on both, so that no mean is below 0 and no deviation below 1."""
        narrator = Narrator(built("storygan").condition_field, None, 3, 16, 2)
        story = torch.randint(1, 20, (50, 28))
        with torch.no_grad():
            _, mean, log_variance = narrator(torch.zeros(50, 3), story, None, None)
        assert float(mean.min()) < 0 < float(mean.max())
        assert float(log_variance.min()) < 0 < float(log_variance.max())

    def test_what_is_drawn_has_that_mean_and_that_deviation(self) -> None:
        """A known defect: the drawing is disabled, so that a story has one state."""
        recipe = built("storygan")
        batch = batch_of(recipe, 2)["dataset"]
        z = torch.zeros(2, 3)
        clips = [recipe._clips(z, batch["story"], chance)[0] for chance in (None, torch.zeros(2, 5), torch.ones(2, 5))]
        assert torch.allclose(clips[0], clips[1], atol=1e-5)
        assert not torch.allclose(clips[0], clips[2], atol=1e-5)

    def test_a_later_sentence_changes_no_earlier_frame_but_through_the_story(self) -> None:
        recipe = built("storygan").eval()
        said = torch.randint(1, 20, (1, 4, 7))
        other = said.clone()
        other[0, 3] = (other[0, 3] + 1) % 20
        z, story = torch.zeros(1, 3), said.flatten(1)
        first, second = (recipe.narrator(z, story, each, None)[0] for each in (said, other))
        assert torch.equal(first[:, :3], second[:, :3])
        assert not torch.allclose(first[:, 3], second[:, 3])


def test_logits_leave_the_networks_without_a_softmax_or_sigmoid() -> None:
    """A known defect: a softmax in the network, or commented out of it, before a loss that takes logits."""
    recipe = built("storygan", **PLAIN)
    with torch.no_grad():
        for network in (recipe.discriminator, recipe.story_discriminator):
            for parameter in network.parameters():
                parameter.mul_(20)
    batch = batch_of(recipe)["dataset"]
    logits = recipe.story_discriminator(batch["video"].flatten(1, 2), batch["story"]).logit
    assert float(logits.abs().max()) > 1


class TestFirstFrame:
    def test_a_clip_begins_with_the_frame_that_is_given(self) -> None:
        recipe = built("image2video").eval()
        first = batch_of(recipe)["dataset"]["first"]
        clips = recipe.sample(request(4, first))
        assert torch.equal(clips[:, 0], first)
        assert not torch.allclose(clips[:, 1], first)

    def test_the_frames_after_it_depend_on_it_and_on_the_noise(self) -> None:
        recipe = built("image2video").eval()
        first, z = batch_of(recipe)["dataset"]["first"], torch.randn(4, 3)
        usual, other, again = (
            recipe._clips(noise, frame, None)[0][:, 1:] for noise, frame in ((z, first), (z, -first), (-z, first))
        )
        assert not torch.allclose(usual, other)
        assert not torch.allclose(usual, again)


def test_as_many_sentences_as_frames_are_needed() -> None:
    with pytest.raises(Refused, match="needs one sentence for each frame, not 2: set --recipe-sentences 4"):
        check(choose("storygan", **{**SMALL, "recipe_sentences": 2}))
    with pytest.raises(Refused, match="needs captions of 3 sentences of equal length"):
        check(choose("caption2video", **{**SMALL, "recipe_sentences": 3}))
