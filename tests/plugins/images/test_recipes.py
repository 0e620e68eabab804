"""The recipes that make images from images: their terms by hand, the pool, stages, both directions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue.check import check
from ganzoo.contract.recipe import Recipe
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import UserError
from ganzoo.randomness import FreshDraws, KeyedStreams
from ganzoo.testing.observers import StopAt
from ganzoo.testing.selections import choose
from ganzoo.training.run import train
from ganzoo_images.content import Content
from ganzoo_images.jitter import Jitter
from ganzoo_images.pool import Pool

VARIANTS = ["pix2pix", "cyclegan", "srgan", "context-encoder"]
SMALL: dict[str, Any] = {"generator_width": 3, "discriminator_width": 3}


def built(variant: str, **flags: Any) -> Any:
    selection = choose(variant, **{**SMALL, **flags})
    return build_recipe(selection, check(selection)).train()


def pairs(recipe: Recipe, count: int = 4) -> dict[str, dict[str, Tensor]]:
    """A batch of random images."""
    generator = torch.Generator().manual_seed(0)
    fields = {
        name: torch.rand(count, *field.shape, generator=generator) * 2 - 1
        for name, field in recipe.data["dataset"].fields.items()
        if field.shape
    }
    return {"dataset": fields}


def context_of(phase: str) -> StepContext:
    return StepContext(0, 10, phase, 0, KeyedStreams(0), handed={})


def draws(seed: int = 0) -> FreshDraws:
    return FreshDraws(torch.Generator().manual_seed(seed))


class TestTranslation:
    def test_its_terms_are_weighted_means(self) -> None:
        recipe = built("pix2pix", generator_dropout=0, recipe_distance_weight=7)
        batch = pairs(recipe)
        given, true = batch["dataset"]["input"], batch["dataset"]["target"]
        output = recipe.generate(batch, context_of("generator"))
        made = recipe.generator(given, None)
        logit = recipe.discriminator(torch.cat([given, made], dim=1), None).logit
        assert torch.allclose(output.terms["absolute distance"], 7 * (made - true).abs().mean())
        assert torch.allclose(output.terms["adversarial"], torch.nn.functional.softplus(-logit).mean())

    def test_the_discriminator_sees_what_the_generator_made_in_this_step(self) -> None:
        """Not a stale answer: the score of the generator's phase is not used again."""
        recipe = built("pix2pix")
        batch, context = pairs(recipe), context_of("generator")
        context.receive(recipe.generate(batch, context).handed)
        made = context.handed("made")
        assert made is not None and not made.requires_grad
        with torch.no_grad():
            for parameter in recipe.discriminator.parameters():
                parameter.mul_(1.5)
        given, true = batch["dataset"]["input"], batch["dataset"]["target"]
        logits = [recipe.discriminator(torch.cat([given, one], dim=1), None).logit for one in (true, made)]
        expected = 0.5 * recipe.loss.discriminator(*logits).mean()
        assert torch.allclose(recipe.discriminate(batch, context).terms["adversarial"], expected)

    def test_without_pairs_the_discriminator_sees_the_image_alone(self) -> None:
        recipe = built("pix2pix", recipe_pairs=False)
        assert next(recipe.discriminator.parameters()).shape[1] == 1

    def test_the_border_of_a_hole_counts_more(self) -> None:
        recipe = built("context-encoder", dataset_size=16, recipe_border=2, recipe_border_factor=10)
        made, true = torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8)
        made[..., 0, 0], made[..., 4, 4], made[..., 7, 3] = 1, 1, 1
        assert recipe._distance(made, true) == pytest.approx((10 + 1 + 10) / 64)

    def test_a_pretraining_comes_before_everything_else(self) -> None:
        recipe = built("srgan", recipe_pretraining=3)
        due = [[phase.name for phase in recipe.phases() if phase.due(step)] for step in (0, 2, 3, 9)]
        assert due == [["pretraining"], ["pretraining"], ["generator", "discriminator"], ["generator", "discriminator"]]
        assert [phase.name for phase in built("srgan", recipe_pretraining=0).phases()] == ["generator", "discriminator"]

    def test_every_weight_zero_is_refused(self) -> None:
        with pytest.raises(UserError, match="every weight is 0"):
            choose("pix2pix", recipe_adversarial=0, recipe_distance_weight=0)

    @pytest.mark.parametrize("dataset", ["edges", "holes", "low-resolution", "outlines"])
    def test_a_conditional_discriminator_takes_inputs_of_another_size(self, dataset: str) -> None:
        assemble(choose("context-encoder", dataset=dataset, dataset_size=16, recipe_pairs=True, **SMALL))


class TestContent:
    """In well-known code the loss is wrapped in a fresh tensor, so that it trains nothing."""

    def test_it_has_a_gradient_to_the_generator_and_none_to_the_features(self) -> None:
        recipe = built("srgan", recipe_content=1, recipe_adversarial=0, recipe_distance_weight=0)
        recipe.generate(pairs(recipe), context_of("generator")).total().backward()
        assert any(bool(parameter.grad.abs().sum() > 0) for parameter in recipe.generator.parameters())
        assert not list(recipe.content.parameters())

    def test_it_is_no_part_of_a_model(self) -> None:
        assert not Content(None).state_dict()

    def test_it_is_the_mean_square_of_scaled_features_and_vanishes_for_equal_images(self) -> None:
        content = Content(None)
        one, other = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
        assert torch.equal(content(one, one), torch.zeros(2))
        expected = (content._features(one) - content._features(other)).square().flatten(1).mean(1) / 12.75**2
        assert torch.allclose(content(one, other), expected, rtol=1e-4)
        assert content._features(one).shape == (2, 512, 2, 2)

    def test_features_are_those_before_the_last_pooling(self) -> None:
        convolutions = [name for names in Content(None)._names for name in names]
        assert len(convolutions) == 16
        assert convolutions[-1] == "34"  # torchvision's features[35] is the ReLU behind it

    def test_weights_come_from_a_file(self, tmp_path: Path) -> None:
        content = Content(None)
        state = {f"features.{name}.{kind}": getattr(content, f"{kind}{name}") for names in content._names
                 for name in names for kind in ("weight", "bias")}  # fmt: skip
        save_file(state, tmp_path / "vgg.safetensors")
        assert torch.equal(Content(tmp_path / "vgg.safetensors").weight0, content.weight0)  # type: ignore[arg-type]
        del state["features.0.weight"]
        save_file(state, tmp_path / "vgg.safetensors")
        with pytest.raises(UserError, match=r"have no features.0.weight"):
            Content(tmp_path / "vgg.safetensors")
        for content_of_file in (b"", b"no weights"):
            (tmp_path / "vgg.safetensors").write_bytes(content_of_file)
            with pytest.raises(UserError, match="is no safetensors file"):
                Content(tmp_path / "vgg.safetensors")


class TestCycle:
    def test_its_terms_are_those_of_the_paper(self) -> None:
        recipe = built("cyclegan", recipe_cycle=10, recipe_identity=0.5)
        batch = pairs(recipe)
        a, b = batch["dataset"]["input"], batch["dataset"]["target"]
        there, back = recipe.generator["a-to-b"], recipe.generator["b-to-a"]
        terms = recipe.generate(batch, context_of("generator")).terms
        cycle = (back(there(a, None), None) - a).abs().mean() + (there(back(b, None), None) - b).abs().mean()
        identity = (there(b, None) - b).abs().mean() + (back(a, None) - a).abs().mean()
        assert torch.allclose(terms["cycle"], 10 * cycle)
        assert torch.allclose(terms["identity"], 0.5 * 10 * identity)

    def test_the_identity_term_is_off_unless_asked_for_and_each_direction_counts_once(self) -> None:
        recipe = built("cyclegan")
        assert set(recipe.generate(pairs(recipe), context_of("generator")).terms) == {"adversarial", "cycle"}
        assert recipe._config.cycle == 10

    def test_both_generators_share_one_optimizer_and_come_first(self) -> None:
        first, second = built("cyclegan").phases()
        assert (first.name, first.trains) == ("generator", ("generator",))
        assert second.name == "discriminator"

    def test_it_never_compares_the_images_of_a_pair(self) -> None:
        """Gradients are the same whichever images are beside each other, so data with pairs is no help."""
        recipe = built("cyclegan", discriminator_norm="none", generator_norm="none", recipe_pool=0)
        batch = pairs(recipe)
        mixed = {"dataset": {**batch["dataset"], "target": batch["dataset"]["target"].flip(0)}}
        found = []
        for each in (batch, mixed):
            context = context_of("generator")
            output = recipe.generate(each, context)
            context.receive(output.handed)
            total = output.total() + recipe.discriminate(each, context).total()
            found.append(torch.autograd.grad(total, list(recipe.parameters())))
        for one, other in zip(*found, strict=True):
            assert torch.allclose(one, other, atol=1e-6)

    def test_both_directions_are_sampled(self, tmp_path: Path) -> None:
        import ganzoo

        run = train(choose("cyclegan", tmp_path / "run", **SMALL))
        model = ganzoo.load(run.folder.path)
        assert model.outputs == ("a-to-b", "b-to-a")
        image = torch.rand(3, 8, 8)
        there, back = (model.for_output(name).sample(1, input=image) for name in model.outputs)
        assert not torch.equal(there, back)


class TestPool:
    def test_it_gives_new_images_until_it_is_full(self) -> None:
        pool, images = Pool(5, (1, 2, 2)), torch.rand(4, 1, 2, 2)
        assert torch.equal(pool(images, draws()), images)
        assert torch.equal(pool.images[:4], images)
        assert pool.kept.item() == 4

    def test_then_half_of_what_it_gives_is_old_and_replaced(self) -> None:
        pool = Pool(50, (1, 1, 1))
        numbers = torch.arange(2000.0).view(-1, 1, 1, 1)
        shown = pool(numbers, draws()).flatten()
        late, now = shown[50:], numbers.flatten()[50:]
        assert 0.45 < (late == now).float().mean() < 0.55
        old = late[late != now]
        assert (old < now[late != now]).all()
        assert len(old.unique()) == len(old), "an old image is given once: the new one takes its place"
        assert not set(old.tolist()) & set(pool.images.flatten().tolist())

    def test_it_keeps_no_gradient(self) -> None:
        images = torch.rand(2, 1, 1, 1, requires_grad=True)
        assert not Pool(5, (1, 1, 1))(images, draws()).requires_grad

    def test_a_pool_of_none_gives_what_it_gets(self) -> None:
        images = torch.rand(2, 1, 1, 1)
        assert Pool(0, (1, 1, 1))(images, draws()) is images

    def test_a_batch_is_not_divided(self) -> None:
        with pytest.raises(UserError, match="accumulate"):
            assemble(choose("cyclegan", accumulate=2))


class TestJitter:
    def test_images_of_a_pair_are_cut_alike(self) -> None:
        images = torch.rand(5, 1, 16, 16)
        one, other = Jitter(1.5, True)([images, images], draws())
        assert torch.equal(one, other)
        assert not torch.allclose(one, images)

    def test_without_it_images_stay_as_they_are(self) -> None:
        images = torch.rand(2, 1, 8, 8)
        assert Jitter(1.0, False)([images], draws())[0] is images

    def test_half_of_the_images_are_mirrored(self) -> None:
        images = torch.rand(200, 1, 4, 4)
        (made,) = Jitter(1.0, True)([images], draws())
        mirrored = torch.isclose(made, images.flip(3), atol=1e-5).flatten(1).all(dim=1)
        kept = torch.isclose(made, images, atol=1e-5).flatten(1).all(dim=1)
        assert bool((mirrored | kept).all()) and 0.4 < float(mirrored.float().mean()) < 0.6


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_resumed_run_ends_with_the_same_bytes(variant: str, tmp_path: Path) -> None:
    """Pools and windows too: the checkpoint lies within the window of the pre-training, or amid a pool."""
    flags: dict[str, Any] = {**SMALL, "steps": 6, "batch_size": 4, "dataset_size": 8}
    if variant == "srgan":
        flags |= {"recipe_pretraining": 3}
    if variant == "cyclegan":
        flags |= {"recipe_pool": 5}
    whole = train(choose(variant, tmp_path / "whole", **flags))
    assert not train(choose(variant, tmp_path / "cut", **flags), [StopAt(2)]).finished
    cut = train(choose(variant, tmp_path / "cut", **flags), resume=True)
    assert cut.folder.model.read_bytes() == whole.folder.model.read_bytes()


def test_streams_are_keyed() -> None:
    """Dropout of a training follows from the step: equal streams give equal cuts."""
    images = torch.rand(2, 1, 8, 8)
    one, other = (Jitter(1.2, False)([images], KeyedStreams(3).at("jitter"))[0] for _ in range(2))
    assert torch.equal(one, other)
