"""The residual networks: structures to the number, any size, attention by hand, and defects of circulating code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Field, installed, select
from ganzoo.catalogue.check import check
from ganzoo.contract.conditioner import Conditioner, Sites, Unconditioned
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import UserError
from ganzoo.plugin import Config, Layers
from ganzoo.testing.selections import choose
from ganzoo.testing.trainers import trainer_of
from ganzoo.weighted_layers import weighted_layers
from ganzoo_cgan.configs import ModulationConfig, ProjectionConfig
from ganzoo_cgan.modulation import ConditionalBatchNorm
from ganzoo_cgan.projection import Projection
from ganzoo_resnet.attention import SelfAttention
from ganzoo_resnet.configs import ResNetDiscriminatorConfig, ResNetGeneratorConfig
from ganzoo_resnet.networks import DownBlock, ResNetDiscriminator, ResNetGenerator

CLASSES = Field("class", classes=10)
NO_SITES = Sites(Unconditioned, Config(), None)
CBN = Sites(ConditionalBatchNorm, ModulationConfig(), CLASSES)
VARIANTS = ["sngan", "sagan", "biggan", "reacgan"]


def generator(shape: Sequence[int] = (3, 32, 32), sites: Sites = NO_SITES, noise: int = 8, **options: Any) -> nn.Module:
    config = ResNetGeneratorConfig(**{"widths": (6, 5), **options})
    return ResNetGenerator(config, (noise,), Field("image", tuple(shape)), sites)


def discriminator(shape: Sequence[int] = (3, 32, 32), sites: Sites = NO_SITES, **options: Any) -> nn.Module:
    return ResNetDiscriminator(ResNetDiscriminatorConfig(**{"widths": (6, 5, 5), **options}), tuple(shape), sites)


def published(variant: str) -> Recipe:
    """The published system on the meta device, for images as those of CIFAR-10."""
    selection = select(installed(), variant, {}, "published")
    return build_recipe(selection, check(selection), "meta")


def numbers(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


# Structures to the number


def of_generator(width: int, noise: int, classes: int, blocks: int = 3, channels: int = 3) -> int:
    """Count the weights of the published generator by hand: each conditional norm has two rows for each class."""
    dense = noise * 16 * width + 16 * width
    block = 2 * (9 * width * width + width) + width * width + width + 2 * classes * 2 * width
    return dense + blocks * block + 2 * width + 9 * width * channels + channels


def of_discriminator(width: int, bias: bool, classes: int, channels: int = 3) -> int:
    """Count the weights of the published discriminator by hand: two blocks that halve, two that do not."""
    first = 9 * channels * width + width + 9 * width * width + width + channels * width + width
    plain = 2 * (9 * width * width + width)
    return first + 3 * plain + (width * width + width) + width + bias + classes * width


@pytest.mark.parametrize(
    ("variant", "width", "bias", "noise"), [("sngan", 128, False, 128), ("biggan", 256, True, 128)]
)
def test_the_published_networks_have_the_published_numbers_of_weights(
    variant: str, width: int, bias: bool, noise: int
) -> None:
    recipe = published(variant)
    assert numbers(recipe.get_submodule("generator")) == of_generator(256, noise, 10)
    assert numbers(recipe.get_submodule("discriminator")) == of_discriminator(width, bias, 10)


def test_the_generator_of_biggan_has_4_3_million_weights() -> None:
    """As its code prints for images of 32 pixels (ajbrock/BigGAN-PyTorch, issue 78)."""
    assert round(numbers(published("biggan").get_submodule("generator")) / 1e6, 1) == 4.3


@pytest.mark.parametrize(
    ("variant", "where"), [("sngan", ([], [])), ("sagan", ([1], [0])), ("biggan", ([], [])), ("reacgan", ([1], [0]))]
)
def test_attention_is_where_it_was_published(variant: str, where: tuple[list[int], list[int]]) -> None:
    """Behind the block of 16 × 16 places in both networks, or nowhere."""
    recipe = published(variant)
    for slot, blocks in zip(("generator", "discriminator"), where, strict=True):
        layers: Any = recipe.get_submodule(slot).attentions
        assert [number for number, layer in enumerate(layers) if isinstance(layer, SelfAttention)] == blocks


def test_every_layer_of_the_published_discriminators_has_spectral_weights_and_the_generators_of_three() -> None:
    for variant in VARIANTS:
        recipe = published(variant)
        of_embedding = 0 if variant == "reacgan" else 1
        for slot in ("generator", "discriminator"):
            network = recipe.get_submodule(slot)
            plain = sum(isinstance(layer, nn.Linear | nn.Conv2d) for layer in network.modules())
            spectral = len(list(weighted_layers(network)))
            expected = 0 if (variant, slot) == ("sngan", "generator") else plain
            assert spectral == expected + (of_embedding if slot == "discriminator" else 0), (variant, slot)


# Any size


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (2, 20, 36), (4, 7, 9), (1, 8, 64), (3, 1, 1)])
def test_images_of_any_size_and_number_of_channels(shape: tuple[int, int, int]) -> None:
    made = generator(shape)(torch.randn(3, 8), None)
    assert made.shape == (3, *shape)
    output = discriminator(shape, attention=2)(made, None)
    assert output.logit.shape == (3, 1) and output.features.shape == (3, 5)


def test_an_odd_side_is_halved_by_the_mean_of_what_is_there() -> None:
    """A place of half a window is not darkened by a border of zeros."""
    block = DownBlock((1, 1), Layers("plain"), first=True, halve=True)
    for name, weight in block.named_parameters():
        nn.init.constant_(weight, 1.0 if name == "shortcut.weight" else 0.0)
    torch.testing.assert_close(block(torch.ones(1, 1, 7, 5)), torch.ones(1, 1, 4, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"widths": (4, 4), "attention": 3}, "names block 3"),
        ({"widths": ()}, "no block"),
        ({"widths": (4, 4, 4), "halvings": 9}, "exceed the 3 blocks"),
    ],
)
def test_blocks_that_are_not_there_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResNetDiscriminatorConfig(**options)


# Self-attention


def test_attention_at_initialisation_is_the_identity() -> None:
    """The scalar begins as 0, and gets a gradient, so that it does not stay there."""
    layer, x = SelfAttention(16, Layers("spectral")), torch.randn(2, 16, 5, 4)
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.gamma.grad is not None and layer.gamma.grad.abs() > 0


def test_attention_by_hand() -> None:
    """The softmax runs over the keys, and keys and values are the largest of 2 × 2 places."""
    torch.manual_seed(0)
    layer, x = SelfAttention(8, Layers("plain")), torch.randn(1, 8, 4, 6)
    nn.init.constant_(layer.gamma, 0.7)

    def maps(conv: nn.Conv2d) -> Tensor:
        return torch.einsum("oi,ihw->ohw", conv.weight[:, :, 0, 0], x[0])

    def largest(values: Tensor) -> Tensor:
        windows = [values[:, i : i + 2, j : j + 2].amax((1, 2)) for i in (0, 2) for j in (0, 2, 4)]
        return torch.stack(windows, dim=1)

    keys, values, queries = largest(maps(layer.key)), largest(maps(layer.value)), maps(layer.query)
    expected = torch.empty_like(x)
    for i in range(4):
        for j in range(6):
            weights = torch.stack([(queries[:, i, j] * keys[:, k]).sum() for k in range(6)]).exp()
            gathered = (values * (weights / weights.sum())).sum(1)
            expected[0, :, i, j] = x[0, :, i, j] + 0.7 * layer.output.weight[:, :, 0, 0] @ gathered
    torch.testing.assert_close(layer(x), expected)


# Known defects


def test_no_relu_in_place_changes_the_path_around_a_block() -> None:
    """A block that activates its input in place adds relu(x) instead of x (SNGAN 8.12 → 8.35 in distance)."""
    plain, x = DownBlock((4, 4), Layers("plain"), first=False, halve=False), torch.randn(2, 4, 6, 6)
    before = x.clone()
    for weight in plain.conv2.parameters():
        nn.init.zeros_(weight)
    assert torch.equal(plain(x), before), "without its convolutions, a block is the identity"
    network: Any = generator()
    seen: list[tuple[Tensor, Tensor]] = []
    network.blocks[1].register_forward_pre_hook(lambda _, given: seen.append((given[0], given[0].clone())))
    network(torch.randn(4, 8), None)
    assert torch.equal(*seen[0])
    assert not any(getattr(layer, "inplace", False) for layer in [*network.modules(), *discriminator().modules()])


def test_an_image_that_is_sampled_depends_on_its_noise_alone() -> None:
    """In evaluation, batch norm uses its running statistics, not those of the batch."""
    network = generator(sites=CBN, attention=1)
    network(torch.randn(16, 8), torch.arange(16) % 10)
    network.eval()
    z, classes = torch.randn(6, 8), torch.arange(6)
    torch.testing.assert_close(network(z, classes)[:2], network(z[:2], classes[:2]))


def test_conditional_batch_norm_begins_as_batch_norm_and_the_last_norm_is_unconditional() -> None:
    conditional, plain = generator(sites=CBN), generator()
    own = conditional.state_dict()
    plain.load_state_dict({name: own.get(name, value) for name, value in plain.state_dict().items()})
    z = torch.randn(8, 8)
    assert torch.equal(conditional(z, torch.arange(8)), plain(z, None))
    last: Any = conditional.norm
    assert last.affine
    assert not any(block.norm1.affine or block.norm2.affine for block in conditional.blocks)


def test_a_second_pass_moves_no_vector_of_the_power_iteration() -> None:
    """Only an update does, once, whatever the number of passes; that of the embedding too."""
    projection = Sites(Projection, ProjectionConfig(weights="spectral"), CLASSES)
    network = discriminator(sites=projection)
    layers = list(weighted_layers(network))
    assert any("embedding" in name for name, _ in network.named_buffers())
    vectors = {name: buffer.clone() for name, buffer in network.named_buffers()}
    for _ in range(3):
        network(torch.randn(2, 3, 32, 32), torch.tensor([1, 2]))
    assert all(torch.equal(vectors[name], buffer) for name, buffer in network.named_buffers())
    for layer in layers:
        layer.after_update()
    assert not any(torch.equal(vectors[name], buffer) for name, buffer in network.named_buffers() if len(buffer) > 1)


def test_the_engine_moves_the_vector_of_the_embedding_with_an_update() -> None:
    narrow = {"generator_widths": (4,), "discriminator_widths": (4, 4), "latent_size": 4, "dataset_count": 16}
    flags = {"discriminator_conditioner_weights": "spectral", "dataset_size": 8, "batch_size": 4, **narrow}
    with trainer_of("sngan", **flags) as trainer:
        buffers = dict(trainer.train_step.recipe.get_submodule("discriminator").named_buffers())
        before = {name: buffer.clone() for name, buffer in buffers.items()}
        trainer.advance()
        moved = {name for name, buffer in buffers.items() if not torch.equal(before[name], buffer)}
        assert moved == {name for name, buffer in buffers.items() if len(buffer) > 1}
        assert any("embedding" in name for name in moved)


def test_an_embedding_with_spectral_weights_has_the_largest_singular_value_1() -> None:
    conditioner = Projection(ProjectionConfig(weights="spectral"), (1,), CLASSES, (32,))
    layer: Any = conditioner.embedding
    for _ in range(200):
        layer.after_update()
    rows = layer(torch.arange(10))
    assert torch.linalg.svdvals(rows)[0].item() == pytest.approx(1, abs=1e-3)
    assert torch.linalg.svdvals(layer.weight)[0].item() != pytest.approx(1, abs=0.05)


def test_the_average_takes_the_running_statistics_too() -> None:
    narrow = {"generator_widths": (4,), "discriminator_widths": (4, 4), "latent_size": 4, "dataset_count": 16}
    with trainer_of("sngan", ema=0.5, dataset_size=8, batch_size=4, **narrow) as trainer:
        trainer.advance()
        (average,) = trainer.train_step.ema.networks.values()
        live = dict(trainer.train_step.recipe.get_submodule("generator").named_buffers())
        for name, buffer in average.named_buffers():
            if name.endswith("num_batches_tracked"):
                assert torch.equal(buffer, live[name])
            elif name.endswith("running_mean"):
                assert buffer.abs().sum() > 0, "batch norm of an average with its first statistics is none"


def test_the_weights_begin_as_published() -> None:
    """Glorot-uniform with gain √2 within blocks; conditioners, whose own weights matter, are left alone."""
    torch.manual_seed(0)
    network = generator(widths=(64, 64), sites=Sites(ConditionalBatchNorm, ModulationConfig(deviation=0.5), CLASSES))
    block: Any = network.blocks[0]
    assert block.conv1.weight.std().item() == pytest.approx((2 * 2 / (64 * 9 * 2)) ** 0.5, rel=0.03)
    assert block.shortcut.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.05)
    assert block.conv1.bias.abs().max() == 0
    (conditioner,) = {type(layer) for layer in network.modules() if isinstance(layer, Conditioner) and layer.sites}
    assert conditioner is ConditionalBatchNorm
    assert block.block1.embedding.weight.std().item() == pytest.approx(0.5, rel=0.1)


# Published settings


def test_the_published_settings_of_sngan() -> None:
    selection = select(installed(), "sngan", {}, "published")
    options = {slot: part.config for slot, part in selection.parts.items()}
    recipe: Any = options["recipe"]
    assert (recipe.discriminator_updates, recipe.generator_fakes) == (5, 2)
    assert selection.run.batch_size == 64 and selection.run.steps == 50_000
    for phase in ("generator", "discriminator"):
        optimizer: Any = options[f"{phase}-optimizer"]
        schedule: Any = options[f"{phase}-schedule"]
        assert (optimizer.lr, optimizer.betas) == (2e-4, (0.0, 0.9))
        assert (schedule.start, schedule.end) == (0.0, 0.0)
    network: Any = options["generator"]
    assert (network.norm_eps, network.norm_momentum) == (2e-5, 0.1)


def test_two_rates_of_sagan_and_four_updates_of_biggan() -> None:
    sagan, biggan = (select(installed(), name, {}, "published").parts for name in ("sagan", "biggan"))
    rates: list[Any] = [sagan[f"{phase}-optimizer"].config for phase in ("generator", "discriminator")]
    assert [rate.lr for rate in rates] == [1e-4, 4e-4]
    settings: Any = biggan["recipe"].config
    assert settings.discriminator_updates == 4


def test_a_generator_update_takes_more_fakes_than_there_are_examples() -> None:
    narrow = {"generator_widths": (4,), "discriminator_widths": (4,), "discriminator_halvings": 1, "latent_size": 4}
    flags = {"recipe_generator_fakes": 2, "recipe_fake_conditions": "data", "dataset_count": 16, "dataset_size": 8}
    with trainer_of("sngan", batch_size=4, **flags, **narrow) as trainer:
        seen: list[tuple[int, list[int]]] = []
        network = trainer.train_step.recipe.get_submodule("generator")
        network.register_forward_hook(lambda _, given, out: seen.append((len(out), given[1].tolist())))
        trainer.advance()
    counts = [count for count, _ in seen]
    assert counts == [4, 8]
    labels = seen[1][1]
    assert labels[::2] == labels[1::2], "the fakes of one example follow each other, so that a batch may be divided"
    with pytest.raises(UserError, match="exclude each other"):
        choose("sngan", recipe_generator_fakes=2, recipe_shared_fakes=True)
