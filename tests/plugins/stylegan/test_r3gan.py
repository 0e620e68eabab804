"""R3GAN: initial weights and structures to the number, its schedules, and known defects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Field, installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo.contract.optimization import Progress
from ganzoo.plugin import Config
from ganzoo.testing.critics import critic_of
from ganzoo.testing.trainers import trainer_of
from ganzoo_losses.configs import ZeroCentredConfig
from ganzoo_losses.penalties import R1
from ganzoo_stylegan.configs import R3GANDiscriminatorConfig, R3GANGeneratorConfig
from ganzoo_stylegan.r3gan import Block, R3GANDiscriminator, R3GANGenerator

NO_SITES = Sites(Unconditioned, Config(), None)


def generator(shape: Sequence[int] = (3, 16, 16), **options: Any) -> Any:
    config = R3GANGeneratorConfig(**{"widths": (8, 6), "group": 4, **options})
    return R3GANGenerator(config, (8,), Field("image", tuple(shape)), NO_SITES)


def discriminator(shape: Sequence[int] = (3, 16, 16), **options: Any) -> Any:
    config = R3GANDiscriminatorConfig(**{"widths": (8, 6), "group": 4, **options})
    return R3GANDiscriminator(config, tuple(shape), NO_SITES)


def numbers(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_a_block_at_initialisation_is_the_identity() -> None:
    block, x = Block(R3GANGeneratorConfig(), 32), torch.randn(2, 32, 5, 6)
    assert torch.equal(block(x), x)


def test_the_networks_of_stackedmnist_have_20_7_million_weights_each() -> None:
    """Four stages of 768 channels, without a condition: as published (appendix D)."""
    flags = {"conditioner": "none", "discriminator_features": 1}
    selection = select(installed(), "r3gan", flags, "published")
    recipe = build_recipe(selection, check(selection), "meta")
    for slot in ("generator", "discriminator"):
        assert round(numbers(recipe.get_submodule(slot)) / 1e6, 1) == 20.7
    groups = {layer.groups for layer in recipe.get_submodule("generator").modules() if isinstance(layer, nn.Conv2d)}
    assert groups == {1, 96}


@pytest.mark.parametrize(("name", "fan_in"), [("widen", 32), ("mix", 16 * 9)])
def test_the_gain_of_a_block_falls_with_the_length_of_the_network(name: str, fan_in: int) -> None:
    """√(2 / (1 + 0.2²)) · L^(-1/4), for the inputs of a group."""
    torch.manual_seed(0)
    block = Block(R3GANGeneratorConfig(widths=(32,) * 8, blocks=2), 32)
    expected = math.sqrt(2 / 1.04) * 16**-0.25 / math.sqrt(fan_in)
    assert block.get_submodule(name).weight.std().item() == pytest.approx(expected, rel=0.05)  # type: ignore[union-attr, operator]


def test_the_variance_of_activations_stays_over_depth() -> None:
    torch.manual_seed(0)
    network, x = discriminator(widths=(64,), blocks=12, group=16), torch.randn(4, 64, 8, 8)
    assert network.stages[0](x).var().item() == pytest.approx(x.var().item(), rel=0.1)


def test_nothing_normalises_and_nothing_mixes_examples() -> None:
    for network, given in ((generator(), torch.randn(5, 8)), (discriminator(), torch.randn(5, 3, 16, 16))):
        both, alone = (network(values, None) for values in (given, given[:2]))
        both, alone = ((o if isinstance(o, Tensor) else o.logit) for o in (both, alone))
        torch.testing.assert_close(both[:2], alone)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (2, 20, 36), (4, 7, 9), (1, 1, 5)])
def test_images_of_any_size_and_number_of_channels(shape: tuple[int, int, int]) -> None:
    made = generator(shape, widths=(8, 6, 4))(torch.randn(3, 8), None)
    assert made.shape == (3, *shape)
    assert discriminator(shape, widths=(8, 6, 4), features=5)(made, None).features.shape == (3, 5)


def test_groups_that_do_not_divide_the_channels_are_smaller() -> None:
    assert [Block(R3GANGeneratorConfig(group=16), width).mix.groups for width in (8, 6, 24)] == [1, 1, 3]


# Published settings


def test_penalties_are_computed_at_every_step_and_at_images_before_augmentation() -> None:
    """Lazy ones fail (appendix E)."""
    for preset in ("default", "published"):
        selection = select(installed(), "r3gan", {}, preset)
        names = {name for name, part in selection.parts.items() if part.slot.kind == "penalty"}
        assert len(names) == 2
        settings: list[Any] = [selection.parts[name].config for name in names]
        assert {each.every for each in settings} == {1}


def test_the_generator_learns_from_real_examples_of_its_own_pass() -> None:
    """The relativistic loss keeps the gradient through both terms, so the scores of its own step are not used again."""
    narrow = {"generator_widths": (4, 4), "discriminator_widths": (4, 4), "latent_size": 4}
    with trainer_of("r3gan", dataset_size=8, batch_size=4, dataset_count=8, **narrow) as trainer:
        passes: list[int] = []
        network = trainer.train_step.recipe.get_submodule("discriminator")
        network.register_forward_hook(lambda _, given, out: passes.append(len(given[0])))
        trainer.advance()
    assert passes[-2:] == [4, 4], "fakes, then real examples, in the phase of the generator"


def test_the_published_schedules() -> None:
    selection = select(installed(), "r3gan", {}, "published")
    schedule: Any = selection.parts["generator-schedule"].config
    assert (schedule.until, schedule.end) == (0.08, 0.25)
    assert selection.run.ema == pytest.approx(0.5 ** (512 / 5e6), abs=1e-6)
    assert selection.run.steps == pytest.approx(250e6 / 512, abs=1)
    penalty: Any = next(part.config for part in selection.parts.values() if part.slot.kind == "penalty")
    assert (penalty.gamma, penalty.final_gamma, penalty.burn_in) == (0.05, 0.005, 0.08)
    ada: Any = selection.parts["augmentation"].config
    assert (ada.p, ada.target, ada.burn_in) == (0.55, None, 0.08)


@pytest.mark.parametrize(("step", "gamma"), [(0, 1.0), (25, 0.55), (50, 0.1), (99, 0.1)])
def test_the_weight_of_a_penalty_falls_along_half_a_cosine_until_the_end_of_the_burn_in(
    step: int, gamma: float
) -> None:
    penalty = R1(ZeroCentredConfig(gamma=1.0, final_gamma=0.1, burn_in=0.5))
    penalty.before_step(Progress(step, 100))
    x = torch.ones(2, 3)
    terms = penalty(critic_of(lambda points: points.sum(1, keepdim=True)), x, x, None)  # type: ignore[arg-type]
    assert terms["r1"].tolist() == pytest.approx([gamma / 2 * 3] * 2)


def test_a_penalty_without_a_burn_in_has_no_state() -> None:
    assert not R1(ZeroCentredConfig()).state_dict()
