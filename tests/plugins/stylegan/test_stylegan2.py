"""StyleGAN2: modulation, rates and deviations against closed forms, structures to the number, and known defects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Field, installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.conditioner import Conditioner, Sites, Unconditioned
from ganzoo.contract.recipe import Recipe
from ganzoo.plugin import Config, Layers
from ganzoo.testing.trainers import everything, trainer_of
from ganzoo.training.state import capture, restore
from ganzoo_cgan.conditioners import Concat
from ganzoo_cgan.configs import ConcatConfig
from ganzoo_stylegan.conditioners import InnerProduct
from ganzoo_stylegan.configs import InnerProductConfig, StyleGAN2DiscriminatorConfig, StyleGAN2GeneratorConfig
from ganzoo_stylegan.layers import Activation, MinibatchDeviation, ModulatedConv, Noise
from ganzoo_stylegan.stylegan2 import Mapping, StyleGAN2Discriminator, StyleGAN2Generator

CLASSES = Field("class", classes=10)
NO_SITES = Sites(Unconditioned, Config(), None)
NARROW = {"generator_widths": (4, 4), "discriminator_widths": (4, 4), "generator_style": 4, "latent_size": 4}


def generator(shape: Sequence[int] = (3, 16, 16), sites: Sites = NO_SITES, **options: Any) -> Any:
    config = StyleGAN2GeneratorConfig(**{"widths": (6, 5, 4), "style": 7, **options})
    return StyleGAN2Generator(config, (8,), Field("image", tuple(shape)), sites)


def discriminator(shape: Sequence[int] = (3, 16, 16), sites: Sites = NO_SITES, **options: Any) -> Any:
    config = StyleGAN2DiscriminatorConfig(**{"widths": (6, 5, 4), **options})
    return StyleGAN2Discriminator(config, tuple(shape), sites)


def published() -> Recipe:
    selection = select(installed(), "stylegan2-ada", {}, "published")
    return build_recipe(selection, check(selection), "meta")


def numbers(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# Modulated convolutions


@pytest.mark.parametrize("demodulate", [True, False])
def test_a_modulated_convolution_is_a_convolution_with_weights_of_its_own_for_each_example(demodulate: bool) -> None:
    """Equations 1 and 3 of the paper, one example after the other."""
    torch.manual_seed(0)
    layer = ModulatedConv(5, 4, 3, style=6, demodulate=demodulate)
    x, w = torch.randn(3, 5, 7, 8), torch.randn(3, 6)
    made = layer(x, w, (7, 8))
    for number in range(3):
        style = w[number] @ layer.style.weight.T / math.sqrt(6) + layer.style.bias
        weight = layer.weight / math.sqrt(5 * 9) * style[None, :, None, None]
        if demodulate:
            weight = weight / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        torch.testing.assert_close(made[number], F.conv2d(x[number : number + 1], weight, padding=1)[0])


def test_demodulation_keeps_unit_variance_whatever_the_style() -> None:
    torch.manual_seed(0)
    layer, x = ModulatedConv(32, 16, 3, style=8), torch.randn(4, 32, 24, 24)
    for scale in (0.1, 1.0, 30.0):
        inner = layer(x, scale * torch.randn(4, 8), (24, 24))[..., 1:-1, 1:-1]
        assert inner.var().item() == pytest.approx(1, rel=0.1)


def test_styles_begin_as_one() -> None:
    layer = ModulatedConv(5, 4, 3, style=6)
    assert torch.equal(layer.style(torch.zeros(1, 6)), torch.ones(1, 5))


def test_a_doubling_convolution_keeps_the_variance_about() -> None:
    torch.manual_seed(0)
    made = ModulatedConv(32, 16, 3, style=8, double=True)(torch.randn(4, 32, 16, 16), torch.randn(4, 8), (31, 32))
    assert made.shape == (4, 16, 31, 32)
    assert 0.3 < made[..., 2:-2, 2:-2].var().item() < 1.5


# The rate of the mapping network


def test_a_layer_with_a_rate_moves_its_outputs_by_the_rate() -> None:
    """A step of one size in weight and bias changes what it computes by a hundredth, and it begins the same."""
    torch.manual_seed(0)
    slow, x = Layers("equalised").linear(16, 2000, gain=1.0, rate=0.01), torch.randn(1, 16)
    assert slow.weight.std().item() == pytest.approx(100, rel=0.05)
    assert slow(x).std().item() == pytest.approx(x.square().mean().sqrt().item(), rel=0.1)
    before = slow(x)
    with torch.no_grad():
        slow.weight += 1.0
        slow.bias += 1.0
    torch.testing.assert_close(slow(x) - before, (0.01 * (x.sum() / 4 + 1)).expand(1, 2000), rtol=1e-3, atol=1e-4)


def test_the_mapping_network_is_that_of_the_paper() -> None:
    mapping = Mapping(4, 6, 3)
    dense = [layer for layer in mapping.layers if isinstance(layer, nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in dense] == [(4, 6), (6, 6), (6, 6)]
    h = torch.randn(2, 4)
    expected = h
    for layer in dense:
        expected = F.leaky_relu(expected @ layer.weight.T * 0.01 / math.sqrt(layer.in_features), 0.2) * math.sqrt(2)
    torch.testing.assert_close(mapping(h), expected)


def test_an_activation_is_limited_behind_its_gain() -> None:
    x = torch.tensor([-1e4, -1.0, 1.0, 1e4])
    assert Activation(256.0)(x).tolist() == pytest.approx([-256.0, -0.2 * 2**0.5, 2**0.5, 256.0])
    assert Activation(256.0, 0.5)(x).tolist() == pytest.approx([-128.0, -0.1 * 2**0.5, 0.5 * 2**0.5, 128.0])


# The deviation of the minibatch


def test_the_deviation_of_a_minibatch_by_hand() -> None:
    """Two groups of two: half the distance at each place, and its mean."""
    x = torch.zeros(4, 2, 1, 2)
    x[1] = torch.tensor([[[2.0, 4.0]], [[6.0, 8.0]]])
    made = MinibatchDeviation(2)(x)
    assert made.shape == (4, 3, 1, 2)
    assert torch.equal(made[:, :2], x)
    torch.testing.assert_close(made[:2, 2], torch.full((2, 1, 2), 2.5))
    assert made[2:, 2].abs().max() < 1e-3, "examples of another group count for nothing"


def test_a_group_that_does_not_divide_a_batch_is_smaller() -> None:
    x = torch.randn(6, 2, 3, 3)
    assert torch.equal(MinibatchDeviation(4)(x), MinibatchDeviation(2)(x))


def test_fakes_that_are_all_alike_are_seen() -> None:
    torch.manual_seed(0)
    network, x = discriminator(), torch.randn(1, 3, 16, 16)
    alike, varied = x.repeat(4, 1, 1, 1), torch.cat([x, torch.randn(3, 3, 16, 16)])
    torch.testing.assert_close(network(alike, None).logit[:1], network(x, None).logit)
    assert not torch.allclose(network(varied, None).logit[:1], network(x, None).logit)


def test_a_batch_is_a_multiple_of_the_group() -> None:
    packs = {layer.pack for layer in discriminator(group=4).modules() if isinstance(layer, MinibatchDeviation)}
    assert packs == {4}
    assert not any(isinstance(layer, MinibatchDeviation) for layer in discriminator(group=1).modules())


# Noise


def test_noise_begins_without_strength_and_is_fixed_when_images_are_sampled() -> None:
    noise, x = Noise((5, 6)), torch.randn(3, 2, 5, 6)
    assert torch.equal(noise(x), x)
    nn.init.constant_(noise.strength, 2.0)
    assert not torch.equal(noise(x), noise(x))
    added = noise(x) - x
    torch.testing.assert_close(added[:, 0], added[:, 1], msg="the same for all channels")
    assert not torch.equal(added[0], added[1])
    noise.eval()
    torch.testing.assert_close(noise(x), x + 2 * noise.fixed)


def test_an_image_that_is_sampled_depends_on_its_noise_alone() -> None:
    network = generator().eval()
    for layer in network.modules():
        if isinstance(layer, Noise):
            nn.init.constant_(layer.strength, 1.0)
    z = torch.randn(5, 8)
    torch.testing.assert_close(network(z, None)[:2], network(z[:2], None))


def test_the_average_keeps_the_fixed_noise() -> None:
    with trainer_of("stylegan2-ada", dataset_size=8, batch_size=4, dataset_count=8, **NARROW) as trainer:
        (average,) = trainer.train_step.ema.networks.values()
        live = dict(trainer.train_step.recipe.get_submodule("generator").named_buffers())
        kept = dict(average.named_buffers())
        assert kept and all(torch.equal(live[name], buffer) for name, buffer in kept.items())


# Structures to the number


def test_the_published_networks_have_the_numbers_of_weights_of_their_form() -> None:
    """Counted by hand from the layers of StyleGAN2-ADA's configuration for CIFAR-10, conditional."""
    width, style, classes, channels = 512, 512, 10, 3
    conv = width * width * 9 + width + 1 + style * width + width  # weights, bias, strength of noise, style
    to_image = width * channels + channels + style * width + width
    mapping = (2 * style * style + style) + (style * style + style)
    of_generator = classes * style + mapping + width * 16 + 7 * conv + 4 * to_image
    recipe = published()
    assert numbers(recipe.get_submodule("generator")) == of_generator
    stages = channels * width + width + 3 * 2 * (9 * width * width + width)
    last = 9 * (width + 1) * width + width + 16 * width * width + width + width * width + width
    of_condition = classes * width + 8 * (width * width + width)
    assert numbers(recipe.get_submodule("discriminator")) == stages + last + of_condition


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (2, 20, 36), (4, 7, 9), (1, 1, 5)])
@pytest.mark.parametrize("residual", [True, False])
def test_images_of_any_size_and_number_of_channels(shape: tuple[int, int, int], residual: bool) -> None:
    made = generator(shape)(torch.randn(4, 8), None)
    assert made.shape == (4, *shape)
    assert discriminator(shape, residual=residual)(made, None).logit.shape == (4, 1)


def test_no_layer_is_touched_by_an_initialiser() -> None:
    """All weights have the variance 1 and are scaled when they are used, so N(0, 0.02) would undo them."""
    weights = {"generator": [], "discriminator": []}  # type: dict[str, list[float]]
    for initialiser in ("default", "normal"):
        selection = select(
            installed(),
            "stylegan2-ada",
            {"initialiser": initialiser, "conditioner": "none", "generator_widths": (16, 16)},
        )
        recipe = build_recipe(selection, check(selection))
        for slot, found in weights.items():
            modules = recipe.get_submodule(slot).modules()
            found += [layer.weight.std().item() for layer in modules if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert all(value > 0.5 for found in weights.values() for value in found)


def test_a_linear_output_is_limited_when_images_are_sampled_only() -> None:
    torch.manual_seed(0)
    network, z = generator(), torch.randn(64, 8)
    assert network(z, None).abs().max() > 1
    sampled = network.eval()(z, None)
    assert sampled.abs().max() <= 1
    inside = sampled.abs() < 1
    torch.testing.assert_close(sampled[inside], network.train()(z, None)[inside])


# Conditions


def test_noise_and_condition_have_a_mean_square_of_one_before_the_mapping() -> None:
    sites = Sites(Concat, ConcatConfig(size=8, deviation=3.0, normalised=True), CLASSES)
    network, seen = generator(sites=sites), []
    network.mapping.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    network(5 * torch.randn(6, 8), torch.arange(6))
    for half in seen[0].chunk(2, dim=1):
        torch.testing.assert_close(half.square().mean(1), torch.ones(6))


@pytest.mark.parametrize("layers", [0, 2])
def test_the_inner_product_drops_the_logit_without_a_condition(layers: int) -> None:
    conditioner: Conditioner = InnerProduct(InnerProductConfig(layers=layers), (1,), CLASSES, (16,))
    features, classes = torch.randn(3, 16), torch.tensor([4, 4, 7])
    logit = conditioner(torch.randn(3, 1), classes, features=features)
    assert torch.equal(logit, conditioner(torch.zeros(3, 1), classes, features=features))
    doubled = conditioner(torch.zeros(3, 1), classes, features=2 * features)
    torch.testing.assert_close(doubled, 2 * logit)
    one_hot = conditioner(torch.zeros(16, 1), torch.full((16,), 4), features=torch.eye(16))
    torch.testing.assert_close(logit[:2, 0], features[:2] @ one_hot[:, 0])


# The training


def test_lazy_r1_shares_the_moments_of_the_discriminator_and_makes_up_for_its_updates() -> None:
    selection = select(installed(), "stylegan2-ada", {}, "published")
    phases = {phase.name: phase for phase in published().phases()}
    lazy = phases["discriminator-penalty-every-16"]
    assert lazy.optimizer == "discriminator" and lazy.every == 16
    optimizer: Any = selection.parts["discriminator-optimizer"].config
    share = 16 / 17
    assert optimizer.lr == pytest.approx(0.0025 * share)
    assert optimizer.betas == pytest.approx((0.0, 0.99**share))
    plain: Any = selection.parts["generator-optimizer"].config
    assert (plain.lr, plain.betas) == (0.0025, (0.0, 0.99))
    settings: Any = selection.parts["penalty"].config
    assert (settings.gamma, settings.every) == (0.01, 16)


def test_the_average_has_the_published_half_life() -> None:
    selection = select(installed(), "stylegan2-ada", {}, "published")
    assert selection.run.ema == pytest.approx(0.5 ** (64 / 500_000), abs=1e-6)


def test_the_state_of_the_augmentation_is_restored_to_the_bit() -> None:
    """The probability, the signs since it moved, and the moments that R1 shares."""
    flags = {"dataset_size": 8, "batch_size": 4, "dataset_count": 8, "augmentation_kimg": 0.1, **NARROW}
    with trainer_of("stylegan2-ada", penalty_every=2, steps=12, **flags) as trainer:
        for _ in range(4):
            trainer.advance()
        state = capture(trainer)
        for _ in range(3):
            trainer.advance()
        expected = everything(trainer)
    with trainer_of("stylegan2-ada", penalty_every=2, steps=12, **flags) as again:
        restore(again, *state)
        for _ in range(3):
            again.advance()
        found = everything(again)
    assert any("augmentation" in name for name in found)
    assert all(torch.equal(found[name], value) for name, value in expected.items())
