"""The published structures to the number, and what each network is for."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import DataSpec, Field, Selection, installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo.contract.recipe import Recipe
from ganzoo.plugin import Config
from ganzoo.randomness import ExampleDraws
from ganzoo.testing.selections import choose
from ganzoo_images.discriminators import Patch
from ganzoo_images.dropout import NoisyDropout, dropout_from
from ganzoo_images.network_options import PatchConfig, ResidualImageConfig, SuperResolutionConfig, UNetConfig
from ganzoo_images.residual import ResidualImage, SuperResolution
from ganzoo_images.unet import UNet

NO_SITES = Sites(Unconditioned, Config(), None)


def size(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def published(variant: str, root: Path, **flags: Any) -> Recipe:
    """The published networks, on the meta device."""
    (root / "photo.png").touch()
    selection: Selection = select(installed(), variant, {"data_root": root, **flags}, "published")
    return build_recipe(selection, check(selection), "meta")


class TestPublishedSizes:
    def test_pix2pix(self, tmp_path: Path) -> None:
        """phillipi/pix2pix with three channels in and out; the edges of our data have one channel."""
        recipe: Any = published("pix2pix", tmp_path, dataset="outlines", dataset_size="128")
        assert size(UNet(UNetConfig(), (3, 256, 256), Field("image", (3, 256, 256)), NO_SITES)) == 54_419_459
        assert size(recipe.discriminator) == 2_769_601

    def test_cyclegan(self) -> None:
        image = Field("image", (3, 256, 256))
        with torch.device("meta"):
            generator = ResidualImage(ResidualImageConfig(), image.shape, image, NO_SITES)
            discriminator = Patch(PatchConfig(affine=False), image.shape, NO_SITES)
        assert (size(generator), size(discriminator)) == (11_378_179, 2_764_737)

    def test_srgan(self, tmp_path: Path) -> None:
        recipe: Any = published("srgan", tmp_path)
        w = 64
        block = 2 * (w * w * 9 + w) + 2 * 2 * w + 1
        first, last = 3 * w * 81 + w + 1, w * 3 * 81 + 3
        doublings = 2 * (w * 4 * w * 9 + 4 * w + 1)
        assert size(recipe.generator) == first + 16 * block + (w * w * 9 + w + 2 * w) + doublings + last
        widths = (3, 64, 64, 128, 128, 256, 256, 512, 512)
        convolutions = sum(a * b * 9 + b for a, b in itertools.pairwise(widths))
        norms = 2 * sum(widths[2:])
        assert size(recipe.discriminator) == convolutions + norms + 512 * 36 * 1024 + 1024 + 1024 + 1

    def test_context_encoder(self, tmp_path: Path) -> None:
        recipe: Any = published("context-encoder", tmp_path)
        down, up = (3, 64, 64, 128, 256, 512, 4000), (4000, 512, 256, 128, 64, 3)
        pairs = [*itertools.pairwise(down), *itertools.pairwise(up)]
        weights = sum(a * b * 16 + b for a, b in pairs)
        assert size(recipe.generator) == weights + 2 * (sum(down[2:]) + sum(up[1:-1]))
        assert recipe.output_field.shape == (3, 64, 64)
        assert recipe.condition_field.shape == (3, 128, 128)

    @pytest.mark.parametrize("variant", ["pix2pix", "cyclegan", "srgan", "context-encoder"])
    def test_a_published_preset_fits_a_folder(self, variant: str, tmp_path: Path) -> None:
        assert published(variant, tmp_path).phases()


def reach(network: Any, side: int) -> int:
    """Return how many columns of the input change the logit in the middle."""
    x = torch.zeros(1, 3, side, side, requires_grad=True)
    logit = network(x, None).logit
    middle = logit.shape[2] // 2
    logit[0, 0, middle, middle].backward()
    assert x.grad is not None
    return int((x.grad[0].abs().sum((0, 1)) > 0).sum())


@pytest.mark.parametrize(("field", "side"), [("1", 16), ("16", 64), ("70", 160)])
def test_a_patch_has_the_published_size(field: Any, side: int) -> None:
    patch = Patch(PatchConfig(field=field, width=2, norm="none"), (3, side, side), NO_SITES)
    assert reach(patch, side) == int(field)


def test_the_largest_patch_has_the_published_size_by_the_arithmetic_of_its_layers() -> None:
    patch = Patch(PatchConfig(field="286", width=1), (3, 512, 512), NO_SITES)
    field = 1
    for layer in reversed([layer for layer in patch.modules() if isinstance(layer, nn.Conv2d)]):
        field = (field - 1) * layer.stride[0] + layer.kernel_size[0]
    assert field == 286


@pytest.mark.parametrize("side", [8, 12, 20, 28, 64])
@pytest.mark.parametrize("field", ["1", "16", "70", "286"])
def test_a_small_image_has_patches_that_fit(field: Any, side: int) -> None:
    logit = Patch(PatchConfig(field=field, width=2), (1, side, side), NO_SITES)(torch.zeros(2, 1, side, side), None)[0]
    assert logit.shape[:2] == (2, 1)


def test_instance_norm_of_the_unet_is_batch_norm_of_one_image() -> None:
    """pix2pix trains and samples with batches of one image, whose own statistics batch norm takes."""
    image = Field("image", (1, 16, 16))
    options = {"width": 4, "dropout": 0.0}
    instance = UNet(UNetConfig(**options), image.shape, image, NO_SITES)
    batch = UNet(UNetConfig(**options, norm="batch"), image.shape, image, NO_SITES)
    batch.load_state_dict(instance.state_dict(), strict=False)
    x = torch.randn(1, 1, 16, 16)
    assert torch.allclose(instance.eval()(x, None), batch.train()(x, None), atol=1e-5)


def test_an_image_larger_than_those_of_the_training_passes() -> None:
    image = Field("image", (1, 16, 16))
    for network in (
        UNet(UNetConfig(width=2), image.shape, image, NO_SITES),
        ResidualImage(ResidualImageConfig(width=2, blocks=1), image.shape, image, NO_SITES),
    ):
        assert network(torch.zeros(2, 1, 48, 32), None).shape == (2, 1, 48, 32)


class TestDropout:
    def test_it_stays_on_with_draws_and_follows_from_them(self) -> None:
        layer, x = NoisyDropout(0.5).eval(), torch.ones(4, 6)
        assert torch.equal(layer(x), x)
        with dropout_from(ExampleDraws(0, "sample", range(4))):
            first = layer(x)
        with dropout_from(ExampleDraws(0, "sample", range(2, 4))):
            assert torch.equal(layer(x[2:]), first[2:])
        assert {*first.unique().tolist()} == {0.0, 2.0}
        assert torch.equal(layer(x), x)

    def test_variations_of_one_input_differ_by_the_seed_alone(self) -> None:
        recipe: Any = build(choose("pix2pix", generator_width=4)).eval()
        given = torch.rand(1, 1, 8, 8).expand(3, -1, -1, -1)
        one, again = (sampled(recipe, given, seed) for seed in (0, 0))
        assert torch.equal(one, again)
        assert not torch.equal(one, sampled(recipe, given, 1))
        assert len(one.flatten(1).unique(dim=0)) == 3


def build(selection: Selection) -> Recipe:
    return build_recipe(selection, check(selection))


def sampled(recipe: Recipe, given: Tensor, seed: int) -> Tensor:
    from ganzoo.evaluation.sampling import generate_examples

    return generate_examples(recipe, len(given), given, seed)


class TestSuperResolution:
    @pytest.mark.parametrize("factor", [1, 2, 8])
    def test_with_the_skip_it_begins_as_bicubic_interpolation(self, factor: int) -> None:
        out = Field("image", (1, 4 * factor, 4 * factor))
        network = SuperResolution(SuperResolutionConfig(width=4, blocks=1), (1, 4, 4), out, NO_SITES).eval()
        x = torch.rand(2, 1, 4, 4)
        assert torch.allclose(network(x, None), enlarged(x, factor), atol=0.02)

    def test_without_it_the_network_makes_the_image(self) -> None:
        config = SuperResolutionConfig(width=4, blocks=1, skip=False)
        network = SuperResolution(config, (3, 4, 4), Field("image", (1, 8, 8)), NO_SITES)
        assert network(torch.rand(2, 3, 4, 4), None).shape == (2, 1, 8, 8)


def enlarged(x: Tensor, factor: int) -> Tensor:
    return nn.functional.interpolate(x, scale_factor=factor, mode="bicubic").clamp(-1, 1)


def problems(config: Any, given: tuple[int, ...], made: tuple[int, ...]) -> Iterator[str]:
    fields = {"input": Field("image", given), "target": Field("image", made)}
    return iter(config.problems({"dataset": DataSpec(fields, "target", "input")}))


@pytest.mark.parametrize(
    ("config", "given", "made", "said"),
    [
        (UNetConfig(), (1, 8, 8), (1, 16, 16), "of the size of its input"),
        (UNetConfig(), (1, 16, 23), (1, 16, 23), "even sides, not 16×23: set --dataset-size"),
        (ResidualImageConfig(), (1, 10, 8), (1, 10, 8), "multiples of 4"),
        (SuperResolutionConfig(), (1, 8, 8), (1, 24, 24), "1, 2, 4, 8 or 16 times"),
        (SuperResolutionConfig(), (1, 8, 8), (1, 16, 32), "1, 2, 4, 8 or 16 times"),
        (SuperResolutionConfig(), (1, 8, 8), (3, 16, 16), "--no-generator-skip"),
    ],
)
def test_what_does_not_fit_is_refused_by_names(config: Any, given: Any, made: Any, said: str) -> None:
    assert any(said in problem for problem in problems(config, given, made))
