"""The networks of InfoGAN and the published settings of the variants."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Selection, installed, select
from ganzoo.catalogue.check import check
from ganzoo.catalogue.data import Field
from ganzoo.catalogue.options import Config
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo_heads.configs import InfoGANDiscriminatorConfig, InfoGANGeneratorConfig
from ganzoo_heads.networks import InfoGANDiscriminator, InfoGANGenerator

NONE = Sites(Unconditioned, Config(), None)


def published(variant: str) -> Selection:
    return select(installed(), variant, {}, preset="published")


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def meta_recipe(selection: Selection) -> Any:
    with torch.device("meta"):
        return build_recipe(selection, check(selection))


@pytest.mark.parametrize(("height", "width"), [(4, 4), (28, 28), (29, 31), (17, 40)])
@pytest.mark.parametrize("widths", [(6,), (6, 5)])
def test_images_of_any_size(height: int, width: int, widths: tuple[int, ...]) -> None:
    generator = InfoGANGenerator(
        InfoGANGeneratorConfig(widths=widths, dense=8), (7,), Field("image", (3, height, width)), NONE
    )
    images = generator(torch.randn(2, 7), None)
    assert images.shape == (2, 3, height, width) and images.abs().max() <= 1
    discriminator = InfoGANDiscriminator(InfoGANDiscriminatorConfig(widths=widths, dense=8), (3, height, width), NONE)
    output = discriminator(images, None)
    assert output.logit.shape == (2, 1) and output.features.shape == (2, 8)


def test_parameters_of_the_published_infogan() -> None:
    recipe = meta_recipe(published("infogan"))
    dense = (74 + 1) * 1024 + 2 * 1024 + (1024 + 1) * 7 * 7 * 128 + 2 * 7 * 7 * 128
    assert parameters(recipe.generator) == dense + 4 * 4 * 128 * 64 + 64 + 2 * 64 + 4 * 4 * 64 + 1
    convolutions = 4 * 4 * 64 + 64 + 4 * 4 * 64 * 128 + 128 + 2 * 128
    assert parameters(recipe.discriminator) == convolutions + (7 * 7 * 128 + 1) * 1024 + 2 * 1024 + 1024 + 1
    # 10 logits and 2 means: the deviations of the authors' code are fixed.
    assert parameters(recipe.head) == (1024 + 1) * 128 + 2 * 128 + (128 + 1) * 12


def test_the_published_infogan() -> None:
    selection = published("infogan")
    config = {slot: part.config for slot, part in selection.parts.items()}
    assert (config["latent"].size, config["latent"].categories, config["latent"].numbers) == (62, (10,), 2)
    assert config["latent"].noise == "uniform"
    assert (config["discriminator-optimizer"].lr, config["generator-optimizer"].lr) == (2e-4, 1e-3)
    assert config["generator-optimizer"].betas[0] == 0.5 and config["discriminator"].slope == 0.01
    assert (config["head"].category_weight, config["head"].number_weight) == (1.0, 1.0)
    assert (selection.run.batch_size, selection.run.steps, selection.run.ema) == (128, 5000, 0.0)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in meta_recipe(selection).discriminator.layers[0])


def test_the_published_acgan() -> None:
    selection = published("acgan")
    config = {slot: part.config for slot, part in selection.parts.items()}
    recipe = meta_recipe(selection)
    assert config["dataset"].size == 32 and selection.parts["generator-conditioner"].component.name == "multiply"
    assert selection.parts["discriminator-conditioner"].component.name == "none", "D predicts the class, and sees none"
    assert (config["discriminator"].slope, config["discriminator"].dropout) == (0.2, 0.5)
    assert config["head"].real_weight == config["head"].fake_weight == config["head"].generator_weight == 1.0
    for phase in ("discriminator", "generator"):
        assert (config[f"{phase}-optimizer"].lr, config[f"{phase}-optimizer"].betas) == (2e-4, (0.5, 0.999))
    assert recipe.head.layer.out_features == 10
    assert (selection.run.batch_size, selection.run.ema) == (100, 0.0)
