"""Progressive growing: how far networks have grown, what a fade mixes, and the optimizers that begin anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ganzoo
from ganzoo.assembly.dry_run import assemble
from ganzoo.catalogue import Config, Selection
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import Refused, UserError
from ganzoo.plugin import Field
from ganzoo.storage.run_folder import RunFolder
from ganzoo.testing.selections import choose
from ganzoo.testing.tapes import recorded
from ganzoo.testing.trainers import everything, make_trainer, moved
from ganzoo.training.checkpoints import resume, write_checkpoint
from ganzoo.training.run import train
from ganzoo_progan.configs import ProgressiveConfig, ProgressiveDiscriminatorConfig, ProgressiveGeneratorConfig
from ganzoo_progan.growth import UNIT, borders, doubled, grown_at, halved
from ganzoo_progan.networks import ProgressiveDiscriminator, ProgressiveGenerator

WIDTHS = (6, 5, 4)
SITES = Sites(Unconditioned, Config(), None)
GROWTHS = [0, UNIT // 4, UNIT, UNIT + UNIT // 2, 2 * UNIT]


def selected(out: Path | None = None, **flags: Any) -> Selection:
    """Three stages of images 8×8, each of 8 images, in batches of 4: the borders are 3, 4, 7 and 8."""
    small = {"generator_widths": WIDTHS, "discriminator_widths": WIDTHS, "recipe_stage_images": 8}
    return choose("progan", out, **{**small, "recipe_fade_images": 8, "batch_size": 4, "dataset_count": 40, **flags})


def networks(sides: tuple[int, int] = (8, 8)) -> tuple[ProgressiveGenerator, ProgressiveDiscriminator]:
    torch.manual_seed(0)
    image = Field("image", (3, *sides))
    generator = ProgressiveGenerator(ProgressiveGeneratorConfig(WIDTHS), (5,), image, SITES)
    return generator, ProgressiveDiscriminator(ProgressiveDiscriminatorConfig(WIDTHS), image.shape, SITES)


def recipe_at(step: int) -> Any:
    train_step = make_trainer(selected(steps=20)).train_step
    train_step.begin((), step)
    return train_step.recipe


class TestGrowth:
    def test_it_is_counted_in_images_and_not_in_steps(self) -> None:
        """In well-known code a larger batch makes the fade longer."""
        config = ProgressiveConfig(stage_images=100, fade_images=50)
        assert borders(config, 3, 10) == (11, 15, 26, 30)
        assert borders(config, 3, 50) == (3, 6)  # a fade of one batch has no step of its own
        assert grown_at(13 * 10, config, 3) == 6 * UNIT // 10

    def test_without_images_networks_are_whole_from_the_first_step(self) -> None:
        config = ProgressiveConfig(stage_images=0, fade_images=0)
        assert borders(config, 4, 16) == ()
        assert grown_at(0, config, 4) == 3 * UNIT

    def test_a_border_is_where_other_stages_take_part(self) -> None:
        config, stages, batch = ProgressiveConfig(stage_images=70, fade_images=100_000), 3, 7
        found = borders(config, stages, batch)
        for step in (*found, *(step - 1 for step in found), 0, 10**6):
            grown = grown_at(step * batch, config, stages)
            expected = sum(step >= border for border in found)
            assert grown // UNIT + -(-grown // UNIT) == expected

    def test_halving_undoes_doubling_for_any_sides(self) -> None:
        for sides in ((8, 8), (7, 9), (1, 3)):
            small = torch.rand(2, 3, -(-sides[0] // 2), -(-sides[1] // 2))
            assert torch.equal(halved(doubled(small, sides)), small)


class TestNetworks:
    @pytest.mark.parametrize("grown", GROWTHS)
    @pytest.mark.parametrize("sides", [(8, 8), (7, 9)])
    def test_a_pass_in_evaluation_is_that_of_the_training(self, grown: int, sides: tuple[int, int]) -> None:
        """It asks the buffer alone, so that averages and models that were saved while they grew are right."""
        z, x = torch.randn(4, 5), torch.rand(4, 3, *sides)
        for network, values in zip(networks(sides), (z, x), strict=True):
            network.growth.grow(grown)
            made = [network.train(mode)(values, None) for mode in (True, False)]
            one, other = (each if isinstance(each, Tensor) else each.logit for each in made)
            assert torch.allclose(one.clamp(-1, 1) if one.dim() == 4 else one, other, atol=1e-6)

    def test_a_fade_is_a_mean_of_two_images(self) -> None:
        generator, _ = networks()
        z = torch.randn(2, 5)
        images = {}
        for grown in (0, UNIT // 4, UNIT):
            generator.growth.grow(grown)
            images[grown] = generator(z, None)
        assert torch.allclose(images[UNIT // 4], 0.75 * images[0] + 0.25 * images[UNIT], atol=1e-6)
        assert torch.equal(images[UNIT], doubled(halved(images[UNIT]), (8, 8)))

    def test_the_discriminator_takes_the_size_of_the_stage_or_the_full_one(self) -> None:
        _, discriminator = networks()
        small = torch.rand(4, 3, 2, 2)
        discriminator.growth.grow(0)
        full = doubled(doubled(small, (4, 4)), (8, 8))
        assert torch.equal(discriminator(small, None).logit, discriminator(full, None).logit)

    def test_features_have_a_mean_square_of_1(self) -> None:
        generator, _ = networks()
        seen: list[Tensor] = []
        generator.stages[1].register_forward_hook(lambda *given: seen.append(given[2]))
        generator(100 * torch.randn(3, 5), None)
        assert torch.allclose(seen[0].square().mean(1), torch.ones(3, 4, 4), atol=1e-3)

    def test_the_discriminator_sees_whether_images_are_all_alike(self) -> None:
        _, discriminator = networks()
        images = torch.rand(4, 3, 8, 8)
        among_others, alone = (
            discriminator(images, None).logit[0],
            discriminator(images[:1].expand(4, -1, -1, -1), None),
        )
        assert not torch.allclose(among_others, alone.logit[0])


class TestRecipe:
    def test_real_images_fade_in_step_with_the_networks(self) -> None:
        """In well-known code the discriminator sees fine real images beside fakes that fade in."""
        recipe = recipe_at(3)
        assert recipe.generator.growth.grown == recipe.discriminator.growth.grown == UNIT // 2
        real = torch.rand(4, 3, 8, 8)
        seen, _ = recipe._real({"dataset": {"image": real}})
        fine = halved(real)
        assert torch.allclose(seen, (fine + doubled(halved(fine), (4, 4))) / 2)

    def test_the_penalty_is_taken_at_the_size_of_the_stage(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The gradient with respect to an enlarged image is smaller, so that its norm would mean something else."""
        from ganzoo_losses.penalties import WGANGP

        sizes, forward = [], WGANGP.forward

        def noted(self: Any, discriminator: Any, real: Tensor, fake: Tensor, draws: Any) -> Any:
            sizes.append((tuple(real.shape[2:]), tuple(fake.shape[2:])))
            return forward(self, discriminator, real, fake, draws)

        monkeypatch.setattr(WGANGP, "forward", noted)
        trainer = make_trainer(selected(steps=9))
        for _ in range(9):
            trainer.advance()
        assert sizes == [((side, side),) * 2 for side in [2] * 3 + [4] * 4 + [8] * 2]

    def test_optimizers_begin_anew_whenever_a_stage_begins_or_is_whole(self) -> None:
        """In well-known code the state of the optimizer is carried over."""
        trainer = make_trainer(selected(steps=10))
        ages = []
        for _ in range(10):
            trainer.advance()
            states = trainer.train_step.phase_optimizers[0].optimizer.state.values()
            ages.append({int(state["step"]) for state in states})
        assert ages == [{1}, {2}, {3}, {1}, {1}, {2}, {3}, {1}, {1}, {2}]

    def test_a_stage_sleeps_until_it_begins(self) -> None:
        trainer = make_trainer(selected(steps=10))
        weights = trainer.train_step.recipe.get_parameter("generator.image_layers.1.weight")
        before = weights.detach().clone()
        for step in range(10):
            trainer.advance()
            assert torch.equal(weights, before) == (step < 3)

    def test_recorded_steps_are_the_eager_ones(self) -> None:
        selection = selected(steps=24, recipe_stage_images=24, device="cpu", precision="fp32")
        alike, (replayed, recorder) = make_trainer(selection), recorded(selection)
        for phase in alike.train_step.phase_optimizers:
            phase.make_recordable(torch.device("cpu"))
        alike.train_step.ema.make_recordable(torch.device("cpu"))
        for _ in range(24):
            alike.advance()
            replayed.advance()
        assert recorder.tapes
        state, others = (one.train_step.recipe.state_dict() for one in (alike, replayed))
        assert all(torch.equal(value, others[name]) for name, value in state.items())

    @pytest.mark.parametrize("stop", [3, 4, 6])
    def test_a_training_resumed_within_a_fade_is_the_same_to_the_bit(self, stop: int, tmp_path: Path) -> None:
        selection, folder, told = selected(tmp_path, steps=9), RunFolder(tmp_path), list[str]()
        whole, again = make_trainer(selection), make_trainer(selection)
        for step in range(9):
            if step == stop:
                write_checkpoint(folder.checkpoints, whole, selection)
            whole.advance()
        resume(folder, again, selection, told.append)
        for _ in range(9 - stop):
            again.advance()
        assert told == []
        assert moved(everything(whole), everything(again)) == set()

    def test_a_model_of_a_training_that_ends_early_makes_the_images_of_its_stage(self, tmp_path: Path) -> None:
        run = train(selected(tmp_path / "run", steps=3))
        images = ganzoo.load(run.folder.path).sample(4)
        small = halved(halved(images))
        assert torch.allclose(images, doubled(doubled(small, (4, 4)), (8, 8)))
        assert not torch.allclose(halved(images), halved(images).mean((2, 3), keepdim=True).expand(-1, -1, 4, 4))

    def test_it_is_compiled_only_if_nothing_grows(self) -> None:
        with pytest.raises(Refused, match="--execution compile needs phases that stay the same"):
            assemble(selected(execution="compile"))
        assemble(selected(execution="compile", recipe_stage_images=0, recipe_fade_images=0))

    def test_networks_of_other_numbers_of_stages_are_refused(self) -> None:
        with pytest.raises(UserError, match=r"3 stages and the discriminator 2: give --generator-widths and --discr"):
            assemble(selected(discriminator_widths=(6, 5)))

    def test_it_takes_a_condition(self) -> None:
        assemble(selected(generator_conditioner="concat", discriminator_conditioner="projection", steps=20))


def test_a_recipe_knows_the_size_of_a_batch() -> None:
    recipe: Recipe = make_trainer(selected(batch_size=12, accumulate=3)).train_step.recipe
    assert recipe.batch_size == 12
