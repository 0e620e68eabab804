"""Every network with every conditioner that fits it, and the published structures to the number."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from ganzoo.assembly.dry_run import assemble
from ganzoo.assembly.parts import build_recipe
from ganzoo.catalogue import Component, DataConfig, DataSpec, Field, Selection, installed, select
from ganzoo.catalogue.check import check, needs_condition
from ganzoo.contract.recipe import Recipe
from ganzoo.errors import UserError
from ganzoo.layers import Dropout
from ganzoo.testing.selections import diagonal, narrow
from ganzoo.testing.strategies import examples

REGISTRY = installed()
# A conditioner for the other network of a pair: it fits every first-party network.
PARTNER = "concat"

MNIST_LIKE = DataSpec({"image": Field("image", (1, 28, 28)), "label": Field("class", classes=10)}, "image", "label")
FACES_LIKE = DataSpec({"image": Field("image", (3, 64, 64))}, "image")


@dataclass(frozen=True)
class Imagined(DataConfig):
    """A dataset of which only the description exists."""

    described: Any = None

    def spec(self, root: object) -> DataSpec:
        described: DataSpec = self.described
        return described


def chosen(variant: str, spec: DataSpec, preset: str = "default", **flags: Any) -> Selection:
    """The selection of ``variant`` on data that looks like ``spec``."""
    selection = select(REGISTRY, variant, flags, preset)
    component = Component(
        kind="dataset",
        name="imagined",
        summary="only described",
        target="nowhere:Nothing",
        config=Imagined,
    )
    dataset = replace(selection.parts["dataset"], component=component, config=Imagined(spec))
    return replace(selection, parts={**selection.parts, "dataset": dataset})


def built(selection: Selection) -> Recipe:
    return build_recipe(selection, check(selection))


def condition_of(field: Field, count: int) -> Tensor:
    if field.kind == "class":
        return torch.randint(field.classes, (count,))
    if field.kind == "tokens":
        return torch.randint(len(field.names), (count, *field.shape))
    return torch.randn(count, *field.shape)


def imagined(kind: str, numbers: int, target: Field) -> DataSpec:
    conditions = {
        "class": Field("class", classes=numbers),
        "vector": Field("vector", (numbers,)),
        "tokens": Field("tokens", (5,), names=tuple(f"word{i}" for i in range(numbers))),
    }
    return DataSpec({"target": target, "condition": conditions[kind]}, "target", "condition")


def parameter_gradients(network: nn.Module) -> dict[str, Tensor | None]:
    return {name: parameter.grad for name, parameter in network.named_parameters()}


sides = st.integers(8, 64)
images = st.one_of(
    st.tuples(st.sampled_from([1, 3]), sides.map(lambda side: (side, side))),
    st.tuples(st.sampled_from([1, 3]), st.sampled_from([8, 16, 20, 28, 32, 48, 64]).map(lambda side: (side, side))),
    st.tuples(st.sampled_from([1, 3]), st.tuples(sides, sides)),
).map(lambda drawn: Field("image", (drawn[0], *drawn[1])))
targets = st.one_of(images, images, st.integers(1, 20).map(lambda size: Field("point", (size,))))

CONDITIONERS = REGISTRY.names("conditioner")
PLAYERS = [
    pytest.param(kind, network, conditioner, marks=[] if (network, conditioner) in quick else [pytest.mark.long])
    for kind in ("generator", "discriminator")
    for quick in [diagonal(REGISTRY.names(kind), CONDITIONERS)]
    for network in REGISTRY.names(kind)
    for conditioner in CONDITIONERS
]


@pytest.mark.parametrize(("kind", "network", "conditioner"), PLAYERS)
@examples(25)
@given(
    target=targets,
    condition=st.sampled_from(["class", "class", "vector", "tokens"]),
    numbers=st.integers(2, 20),
    latent=st.integers(1, 128),
    batch=st.integers(1, 9),
)
def test_what_can_be_built_works(
    kind: str, network: str, conditioner: str, target: Field, condition: str, numbers: int, latent: int, batch: int
) -> None:
    """Either it is refused before it exists, or its forward and backward passes are sound for every batch."""
    other = {"generator": "discriminator", "discriminator": "generator"}[kind]
    partner = "none" if conditioner == "none" else PARTNER
    flags = {kind: network, f"{kind}-conditioner": conditioner, other: "mlp", f"{other}-conditioner": partner}
    selection = chosen(
        "gan",
        imagined(condition, numbers, target),
        latent="normal",
        latent_size=latent,
        **flags,
        **narrow(kind, network),
        **narrow(other, "mlp"),
    )
    try:
        recipe = built(selection)
    except UserError:
        return
    torch.manual_seed(0)
    # Batch norm has no statistics of a single example.
    recipe.train(batch > 1)
    field = recipe.condition_field
    given_condition = condition_of(field, batch) if field else None
    assert (field is None) == (conditioner == "none")
    if kind == "generator":
        made = recipe.get_submodule("generator")(torch.randn(batch, latent), given_condition)
        assert made.shape == (batch, *target.shape)
        if target.bounded:
            # A generator with a linear output leaves the range in training, and is limited to it when it is sampled.
            assert (
                recipe.eval().get_submodule("generator")(torch.randn(batch, latent), given_condition).abs().max() <= 1
            )
            recipe.train(batch > 1)
        outputs = [made]
    else:
        x = torch.rand(batch, *target.shape).mul(2).sub(1)
        verdict = recipe.get_submodule("discriminator")(x, given_condition)
        assert verdict.logit.dim() == 2 and len(verdict.logit) == batch
        assert verdict.features.dim() == 2 and len(verdict.features) == batch
        outputs = [verdict.logit, verdict.features]
    assert all(output.isfinite().all() for output in outputs)
    (outputs[0] * torch.randn_like(outputs[0])).sum().backward()
    for name, gradient in parameter_gradients(recipe.get_submodule(kind)).items():
        assert gradient is not None, f"no gradient reaches {name}"
        assert gradient.isfinite().all(), name


FITTING = {"image": Field("image", (3, 32, 32)), "point": Field("point", (2,))}
FROM_IMAGES = [
    name
    for name in REGISTRY.names("generator")
    if any("image-input" in need.any_of for need in REGISTRY.component("generator", name).requires)
]
# Networks that grow need a recipe that lets them.
GROWING = [
    name
    for name in REGISTRY.names("generator")
    if any("growing" in need.any_of for need in REGISTRY.component("generator", name).requires)
]
FROM_NOISE = [name for name in REGISTRY.names("generator") if name not in (*FROM_IMAGES, *GROWING)]


def fits(selection: Selection) -> bool:
    try:
        built(selection)
    except UserError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "network"),
    [
        *(("generator", name) for name in FROM_NOISE),
        *(("discriminator", name) for name in REGISTRY.names("discriminator") if name not in GROWING),
    ],
)
def test_every_network_fits_something_with_and_without_a_condition(kind: str, network: str) -> None:
    """The test above may not pass because everything was refused."""
    other = {"generator": "discriminator", "discriminator": "generator"}[kind]

    def fitting(partner: str, *conditioners: str) -> set[str]:
        asked = {kind: network, other: "mlp", f"{other}-conditioner": partner, **narrow(kind, network)}
        return {
            name
            for name, target in FITTING.items()
            if any(
                fits(chosen("gan", imagined("class", 4, target), **asked, **{f"{kind}-conditioner": own}, batch_size=4))
                for own in conditioners
            )
        }

    without = fitting("none", "none")
    assert without
    assert fitting(PARTNER, *(name for name in CONDITIONERS if name != "none")) == without


TRANSLATORS = [
    variant
    for variant in REGISTRY.names("variant")
    if "image-input" in REGISTRY.component("recipe", REGISTRY.variant(variant).recipe).provides
]


@pytest.mark.parametrize(("network", "variant"), sorted(diagonal(FROM_IMAGES, TRANSLATORS)))
def test_every_network_that_makes_images_from_images_fits_their_variants(network: str, variant: str) -> None:
    image, points = Field("image", (3, 32, 32)), Field("vector", (6,))
    parts = select(REGISTRY, variant).parts.values()
    takes_more = any(part.slot.kind == "conditioner" and needs_condition(part.component) for part in parts)
    condition = "input+points" if takes_more else "input"
    pairs = DataSpec({"input": image, "target": image, "points": points}, "target", condition)
    small = {**narrow("generator", network), "discriminator": "patch", "discriminator-width": 4, "batch_size": 4}
    assemble(chosen(variant, pairs, generator=network, **small))


class TestDCGANSizes:
    FITTING = {base << doublings for base in range(4, 16) for doublings in range(1, 7)} & set(range(8, 257))

    @pytest.mark.parametrize("kind", ["generator", "discriminator"])
    def test_every_other_size_is_refused_by_the_declaration(self, kind: str) -> None:
        config = REGISTRY.component(kind, "dcgan").config()
        fits = set()
        for size in range(1, 300):
            spec = DataSpec({"image": Field("image", (3, size, size))}, "image")
            problems = list(config.problems({"dataset": spec}))
            if not problems:
                fits.add(size)
                continue
            near = int(problems[0].split("size to ")[1].split(",")[0])
            assert near in self.FITTING, "the advice is worth following"
            assert abs(near - size) == min(abs(other - size) for other in self.FITTING)
        assert fits == self.FITTING

    @pytest.mark.parametrize(("height", "width"), [(32, 128), (20, 64), (32, 35), (64, 7), (512, 256)])
    def test_sides_without_a_common_factor_are_refused_by_the_declaration(self, height: int, width: int) -> None:
        spec = DataSpec({"image": Field("image", (3, height, width))}, "image")
        with pytest.raises(UserError, match=f"not {height} high and {width} wide"):
            check(chosen("dcgan", spec))

    @pytest.mark.parametrize(("height", "width"), [(32, 64), (64, 48), (96, 64), (8, 16), (224, 256)])
    def test_images_need_not_be_square(self, height: int, width: int) -> None:
        spec = DataSpec({"image": Field("image", (3, height, width))}, "image")
        selection = chosen("dcgan", spec, generator_width=2, discriminator_width=2, batch_size=2)
        assemble(selection)
        recipe = build_recipe(selection, {"dataset": spec}, "meta")
        made = recipe.get_submodule("generator")(torch.empty(2, 100, device="meta"), None)
        assert made.shape == (2, 3, height, width)

    @pytest.mark.parametrize(("channels", "every"), [(1, 4), pytest.param(3, 1, marks=pytest.mark.long)])
    def test_every_fitting_size_runs(self, channels: int, every: int) -> None:
        for size in sorted(self.FITTING)[::every]:
            spec = DataSpec({"image": Field("image", (channels, size, size))}, "image")
            selection = chosen("dcgan", spec, generator_width=2, discriminator_width=2, batch_size=2)
            assemble(selection)  # both phases on the meta device, backward included
            recipe = build_recipe(selection, {"dataset": spec}, "meta")
            made = recipe.get_submodule("generator")(torch.empty(2, 100, device="meta"), None)
            assert made.shape == (2, channels, size, size)
            assert recipe.get_submodule("discriminator")(made, None).logit.shape == (2, 1)


def test_the_upsampling_generator_refuses_sides_that_it_cannot_make_by_the_declaration() -> None:
    config = REGISTRY.component("generator", "upsampling").config()
    for size in range(4, 70):
        spec = DataSpec({"image": Field("image", (1, size, 28))}, "image")
        assert bool(list(config.problems({"dataset": spec}))) == (size % 4 != 0)


def trainable(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)


def running(network: nn.Module) -> int:
    return sum(
        buffer.numel() for name, buffer in network.named_buffers() if name.endswith(("running_mean", "running_var"))
    )


def layers(network: nn.Module, *kinds: type[nn.Module]) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, kinds)]


def linears(network: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in layers(network, nn.Linear)]


def convolutions(network: nn.Module) -> list[tuple[int, int, int, int, int]]:
    """Channels in and out, kernel, stride and padding of every convolution, in order."""
    found = []
    for layer in layers(network, nn.Conv2d, nn.ConvTranspose2d):
        assert layer.kernel_size[0] == layer.kernel_size[1] and layer.stride[0] == layer.stride[1]
        assert layer.groups == 1 and layer.dilation == (1, 1)
        stride, padding = layer.stride[0], layer.padding[0]
        found.append((layer.in_channels, layer.out_channels, layer.kernel_size[0], stride, padding))
    return found


def slopes(network: nn.Module) -> set[float]:
    """The slopes of all leaky ReLUs below zero, measured."""
    assert not layers(network, nn.ReLU, nn.ELU, nn.GELU, nn.SELU)
    return {round(-module(torch.tensor(-1.0)).item(), 6) for module in layers(network, nn.LeakyReLU)}


def parts_of(recipe: Recipe) -> tuple[Any, Any]:
    return recipe.get_submodule("generator"), recipe.get_submodule("discriminator")


def options(selection: Selection, slot: str) -> Mapping[str, Any]:
    return vars(selection.parts[slot].config)


class TestA1:
    """The smallest GAN."""

    selection = chosen("gan-minimal", MNIST_LIKE)

    def test_layers(self) -> None:
        generator, discriminator = parts_of(built(self.selection))
        assert linears(generator) == [(100, 128), (128, 784)]
        assert linears(discriminator) == [(784, 128), (128, 1)]
        assert slopes(generator) <= {0.0} and slopes(discriminator) <= {0.0}
        assert not layers(generator, nn.modules.batchnorm._BatchNorm)

    def test_forward_by_hand(self) -> None:
        """A ReLU, then a sigmoid, which is stretched since images live in [-1, 1]."""
        generator, discriminator = parts_of(built(self.selection).eval())
        first, second = layers(generator, nn.Linear)
        z = torch.rand(5, 100).mul(2).sub(1)
        sigmoid = torch.sigmoid((z @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias)
        torch.testing.assert_close(generator(z, None).flatten(1), 2 * sigmoid - 1)
        first, second = layers(discriminator, nn.Linear)
        x = torch.rand(5, 1, 28, 28)
        logit = (x.flatten(1) @ first.weight.T + first.bias).clamp(min=0) @ second.weight.T + second.bias
        torch.testing.assert_close(discriminator(x, None).logit, logit)

    def test_xavier_weights_and_biases_of_a_tenth(self) -> None:
        for network in parts_of(built(self.selection)):
            for layer in layers(network, nn.Linear):
                assert (layer.bias == 0.1).all()
                if layer.weight.numel() > 1000:
                    expected = (2 / sum(layer.weight.shape)) ** 0.5
                    assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
                    assert layer.weight.mean().item() == pytest.approx(0, abs=0.05 * expected)

    def test_one_discriminator_step_and_two_generator_steps(self) -> None:
        phases = {phase.name: phase for phase in built(self.selection).phases()}
        assert {name: phase.updates for name, phase in phases.items()} == {"discriminator": 1, "generator": 2}
        assert phases["discriminator"].trains == ("discriminator", "head")
        assert phases["generator"].trains == ("generator",)

    def test_training(self) -> None:
        assert self.selection.parts["latent"].component.name == "uniform"
        assert options(self.selection, "latent") == {"size": 100, "lowest": -1.0, "highest": 1.0}
        assert self.selection.parts["loss"].component.name == "bce"
        assert options(self.selection, "loss") == {"real_target": 1.0, "fake_target": 0.0}
        for phase in ("discriminator", "generator"):
            assert options(self.selection, f"{phase}-optimizer")["lr"] == 2e-4
        assert options(self.selection, "recipe")["discriminator_weight"] == 1.0
        assert self.selection.run.batch_size == 64


def assert_mlp_generator(generator: nn.Module, inputs: int, pixels: int) -> None:
    """The generator of A2 and A3: layers, slopes, and batch norm from the second layer, with a sane epsilon."""
    widths = [inputs, 128, 256, 512, 1024, pixels]
    assert linears(generator) == list(itertools.pairwise(widths))
    norms = layers(generator, nn.modules.batchnorm._BatchNorm)
    assert [norm.num_features for norm in norms] == [256, 512, 1024]
    assert {norm.eps for norm in norms} == {1e-5}, "0.8 is a well-known slip"
    assert {norm.momentum for norm in norms} == {0.1}
    assert slopes(generator) == {0.2}


def mlp_generator_by_hand(generator: nn.Module, h: Tensor) -> Tensor:
    *hidden, last = layers(generator, nn.Linear)
    norms = [None, *layers(generator, nn.modules.batchnorm._BatchNorm)]
    for linear, norm in zip(hidden, norms, strict=True):
        h = h @ linear.weight.T + linear.bias
        if norm is not None:
            scale = norm.weight / (norm.running_var + norm.eps).sqrt()
            h = (h - norm.running_mean) * scale + norm.bias
        h = torch.where(h > 0, h, 0.2 * h)
    return torch.tanh(h @ last.weight.T + last.bias)


def mlp_discriminator_by_hand(discriminator: nn.Module, h: Tensor) -> Tensor:
    *hidden, last = layers(discriminator, nn.Linear)
    for linear in hidden:
        h = h @ linear.weight.T + linear.bias
        h = torch.where(h > 0, h, 0.2 * h)
    return h @ last.weight.T + last.bias


class TestA2:
    """The fully connected GAN."""

    selection = chosen("gan", MNIST_LIKE)

    def test_layers(self) -> None:
        generator, discriminator = parts_of(built(self.selection))
        assert_mlp_generator(generator, 100, 784)
        assert linears(discriminator) == [(784, 512), (512, 256), (256, 1)]
        assert slopes(discriminator) == {0.2}
        assert not layers(discriminator, nn.modules.batchnorm._BatchNorm)
        assert not any(dropout.p for dropout in layers(discriminator, Dropout))

    def test_forward_by_hand(self) -> None:
        recipe = built(self.selection)
        generator, discriminator = parts_of(recipe)
        generator(torch.randn(64, 100), None)  # moves the running statistics off 0 and 1
        recipe.eval()
        z, x = torch.randn(5, 100), torch.randn(5, 1, 28, 28)
        torch.testing.assert_close(generator(z, None).flatten(1), mlp_generator_by_hand(generator, z))
        torch.testing.assert_close(discriminator(x, None).logit, mlp_discriminator_by_hand(discriminator, x.flatten(1)))

    def test_training(self) -> None:
        assert self.selection.parts["loss"].component.name == "bce"
        assert options(self.selection, "latent")["size"] == 100
        for phase in ("discriminator", "generator"):
            assert options(self.selection, f"{phase}-optimizer")["lr"] == 2e-4
            assert options(self.selection, f"{phase}-optimizer")["betas"] == (0.5, 0.999)
        assert self.selection.run.batch_size == 64


class TestA3:
    """The fully connected CGAN with concatenated embeddings."""

    selection = chosen("cgan", MNIST_LIKE, preset="published")

    def test_layers(self) -> None:
        generator, discriminator = parts_of(built(self.selection))
        assert_mlp_generator(generator, 110, 784)
        assert linears(discriminator) == [(794, 512), (512, 512), (512, 512), (512, 1)]
        assert slopes(discriminator) == {0.2}
        assert [(table.num_embeddings, table.embedding_dim) for table in layers(generator, nn.Embedding)] == [(10, 10)]
        assert [tuple(table.weight.shape) for table in layers(discriminator, nn.Embedding)] == [(10, 10)]

    def test_published_images_have_32_pixels_a_side(self) -> None:
        assert options(select(REGISTRY, "cgan", preset="published"), "dataset")["size"] == 32

    def test_forward_by_hand(self) -> None:
        recipe = built(self.selection)
        generator, discriminator = parts_of(recipe)
        labels = torch.arange(64) % 10
        generator(torch.randn(64, 100), labels)
        recipe.eval()
        z, x, labels = torch.randn(5, 100), torch.randn(5, 1, 28, 28), torch.tensor([3, 1, 4, 1, 5])
        (codes,) = (table.weight[labels] for table in layers(generator, nn.Embedding))
        expected = mlp_generator_by_hand(generator, torch.cat([z, codes], 1))
        torch.testing.assert_close(generator(z, labels).flatten(1), expected)
        (codes,) = (table.weight[labels] for table in layers(discriminator, nn.Embedding))
        expected = mlp_discriminator_by_hand(discriminator, torch.cat([x.flatten(1), codes], 1))
        torch.testing.assert_close(discriminator(x, labels).logit, expected)

    def test_dropout_on_the_second_and_third_layer_alone(self) -> None:
        _, discriminator = parts_of(built(self.selection))
        shares = [dropout.p for dropout in layers(discriminator, Dropout) if dropout.p]
        assert shares == [0.4, 0.4]
        seen: list[Tensor] = []
        for linear in layers(discriminator, nn.Linear)[1:]:
            linear.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        discriminator.train()(torch.randn(500, 1, 28, 28), torch.zeros(500, dtype=torch.int64))
        dropped = [(hidden == 0).float().mean().item() for hidden in seen]
        assert dropped == pytest.approx([0.0, 0.4, 0.4], abs=0.01)

    def test_training(self) -> None:
        assert self.selection.parts["loss"].component.name == "lsgan"
        assert options(self.selection, "recipe")["discriminator_weight"] == 0.5, "d = (real + fake) / 2"
        assert options(self.selection, "recipe")["fake_conditions"] == "random"
        for phase in ("discriminator", "generator"):
            assert options(self.selection, f"{phase}-optimizer")["lr"] == 2e-4
            assert options(self.selection, f"{phase}-optimizer")["betas"] == (0.5, 0.999)
        assert self.selection.run.batch_size == 64


class TestA4:
    """The convolutional CGAN with multiplied embeddings, whose parameter counts were published."""

    selection = chosen("cgan-conv", MNIST_LIKE, preset="published")

    def test_published_parameter_counts(self) -> None:
        generator, discriminator = parts_of(built(self.selection))
        assert trainable(generator) == 856_809
        assert trainable(discriminator) == 103_297
        assert trainable(generator) + running(generator) == 857_193
        assert trainable(discriminator) + running(discriminator) == 103_745

    def test_generator(self) -> None:
        generator, _ = parts_of(built(self.selection))
        assert linears(generator) == [(100, 7 * 7 * 128)]
        assert [tuple(table.weight.shape) for table in layers(generator, nn.Embedding)] == [(10, 100)]
        # Those that halve have no padding of their own: they pad at the end, as Keras does.
        assert convolutions(generator) == [(128, 128, 3, 2, 0), (128, 64, 3, 1, 1), (64, 1, 3, 1, 1)]
        assert [norm.num_features for norm in layers(generator, nn.BatchNorm2d)] == [128, 64]
        assert {round(-module(torch.tensor(-1.0)).item(), 6) for module in layers(generator, nn.LeakyReLU)} == {0.02}

    def test_generator_by_hand(self) -> None:
        generator, _ = parts_of(built(self.selection).eval())
        z, labels = torch.randn(3, 100), torch.tensor([0, 9, 4])
        (table,), (dense,) = layers(generator, nn.Embedding), layers(generator, nn.Linear)
        convs, norms = layers(generator, nn.Conv2d), layers(generator, nn.BatchNorm2d)
        double = nn.Upsample(scale_factor=2)
        h = torch.relu(dense(z * table.weight[labels])).view(3, 128, 7, 7)
        h = nn.functional.leaky_relu(norms[0](convs[0](double(h))), 0.02)
        h = nn.functional.leaky_relu(norms[1](convs[1](double(h))), 0.02)
        torch.testing.assert_close(generator(z, labels), torch.tanh(convs[2](double(h))))

    def test_discriminator(self) -> None:
        _, discriminator = parts_of(built(self.selection))
        assert [tuple(table.weight.shape) for table in layers(discriminator, nn.Embedding)] == [(10, 784)]
        assert convolutions(discriminator) == [(2, 32, 3, 2, 0), (32, 64, 3, 2, 0), (64, 128, 3, 2, 0)]
        assert [norm.num_features for norm in layers(discriminator, nn.BatchNorm2d)] == [32, 64, 128]
        assert {dropout.p for dropout in layers(discriminator, Dropout)} == {0.25}
        assert linears(discriminator) == [(128 * 4 * 4, 1)]
        assert slopes(discriminator) == {0.02}

    def test_discriminator_by_hand(self) -> None:
        _, discriminator = parts_of(built(self.selection).eval())
        x, labels = torch.randn(3, 1, 28, 28), torch.tensor([0, 9, 4])
        (table,), (dense,) = layers(discriminator, nn.Embedding), layers(discriminator, nn.Linear)
        h = torch.cat([x, table.weight[labels].view(3, 1, 28, 28)], 1)
        for conv, norm in zip(layers(discriminator, nn.Conv2d), layers(discriminator, nn.BatchNorm2d), strict=True):
            h = nn.functional.leaky_relu(norm(conv(h)), 0.02)
        torch.testing.assert_close(discriminator(x, labels).logit, dense(h.flatten(1)))

    def test_training(self) -> None:
        assert self.selection.parts["loss"].component.name == "bce"
        assert options(self.selection, "recipe")["discriminator_weight"] == 0.5, "d is the mean of its parts"
        for phase in ("discriminator", "generator"):
            assert options(self.selection, f"{phase}-optimizer")["lr"] == 1e-3
            assert options(self.selection, f"{phase}-optimizer")["betas"][0] == 0.5
        assert (self.selection.run.batch_size, self.selection.run.steps) == (128, 5000)


class TestA5:
    """DCGAN at 64×64, width 128."""

    selection = chosen("dcgan", FACES_LIKE, preset="published")

    def test_generator(self) -> None:
        generator, _ = parts_of(built(self.selection))
        assert convolutions(generator) == [
            (100, 1024, 4, 1, 0),
            (1024, 512, 4, 2, 1),
            (512, 256, 4, 2, 1),
            (256, 128, 4, 2, 1),
            (128, 3, 4, 2, 1),
        ]
        assert all(isinstance(layer, nn.ConvTranspose2d) for layer in layers(generator, nn.Conv2d, nn.ConvTranspose2d))
        assert all(layer.bias is None for layer in layers(generator, nn.ConvTranspose2d))
        assert [norm.num_features for norm in layers(generator, nn.BatchNorm2d)] == [1024, 512, 256, 128]
        assert trainable(generator) == 100 * 1024 * 16 + 16 * (1024 * 512 + 512 * 256 + 256 * 128 + 128 * 3) + 2 * 1920

    def test_discriminator(self) -> None:
        _, discriminator = parts_of(built(self.selection))
        assert convolutions(discriminator) == [
            (3, 128, 4, 2, 1),
            (128, 256, 4, 2, 1),
            (256, 512, 4, 2, 1),
            (512, 1024, 4, 2, 1),
            (1024, 1, 4, 1, 0),
        ]
        assert all(layer.bias is None for layer in layers(discriminator, nn.Conv2d))
        assert [norm.num_features for norm in layers(discriminator, nn.BatchNorm2d)] == [256, 512, 1024]
        assert slopes(discriminator) == {0.2}

    def test_by_hand(self) -> None:
        """The same layers in the same order, at a width that is quick to compute."""
        narrow_one = chosen("dcgan", FACES_LIKE, generator_width=4, discriminator_width=4)
        generator, discriminator = parts_of(built(narrow_one).eval())
        h = torch.randn(2, 100)
        expected = h[:, :, None, None]
        *hidden, last = layers(generator, nn.ConvTranspose2d)
        for layer, norm in zip(hidden, layers(generator, nn.BatchNorm2d), strict=True):
            expected = torch.relu(norm(layer(expected)))
        expected = torch.tanh(last(expected))
        assert expected.shape == (2, 3, 64, 64)
        torch.testing.assert_close(generator(h, None), expected)
        first, *hidden, last = layers(discriminator, nn.Conv2d)
        h = nn.functional.leaky_relu(first(expected), 0.2)
        for layer, norm in zip(hidden, layers(discriminator, nn.BatchNorm2d), strict=True):
            h = nn.functional.leaky_relu(norm(layer(h)), 0.2)
        torch.testing.assert_close(discriminator(expected, None).logit, last(h).flatten(1))

    def test_weights(self) -> None:
        for network in parts_of(built(self.selection)):
            for layer in layers(network, nn.Conv2d, nn.ConvTranspose2d):
                assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
                assert layer.weight.mean().item() == pytest.approx(0, abs=0.001)
            for norm in layers(network, nn.BatchNorm2d):
                assert norm.weight.mean().item() == pytest.approx(1, abs=0.01)
                assert norm.weight.std().item() == pytest.approx(0.02, rel=0.3)
                assert (norm.bias == 0).all()

    def test_training(self) -> None:
        assert self.selection.parts["loss"].component.name == "bce"
        assert options(self.selection, "loss") == {"real_target": 0.9, "fake_target": 0.0}
        for phase in ("discriminator", "generator"):
            assert options(self.selection, f"{phase}-optimizer")["lr"] == 2e-4
            assert options(self.selection, f"{phase}-optimizer")["betas"] == (0.5, 0.999)
            assert self.selection.parts[f"{phase}-schedule"].component.name == "step"
            assert options(self.selection, f"{phase}-schedule") == {"every": 0.4, "factor": 0.1}
        assert (self.selection.run.batch_size, self.selection.run.epochs) == (64, 20)
