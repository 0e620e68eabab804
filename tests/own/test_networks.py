"""Plain torch modules as networks: what they take and return is found out, and what does not fit is refused."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ganzoo.catalogue.data import Field
from ganzoo.catalogue.options import Config
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo.contract.networks import DiscriminatorOutput, batchwise
from ganzoo.errors import UserError
from ganzoo.own.networks import InNetwork, PlainNetwork, takes_labels
from ganzoo.testing.own_parts import (
    CLASSES,
    NOISE,
    LabelledDiscriminator,
    LabelledGenerator,
    Scored,
    convolutional_discriminator,
    convolutional_generator,
)

IMAGE = Field("image", (1, 8, 8))
LABELS = Sites(InNetwork, Config(), Field("class", classes=CLASSES))
NO_LABELS = Sites(Unconditioned, Config(), None)
MLP = nn.Sequential(nn.Linear(NOISE, 64), nn.Tanh(), nn.Unflatten(1, (1, 8, 8)))


def generator(given: Any, out: Field = IMAGE, noise: int = NOISE) -> Any:
    target = PlainNetwork(given, "generator 'mine'")
    return target(Config(), in_shape=(noise,), out=out, sites=LABELS if target.labelled else NO_LABELS)


def discriminator(given: Any, shape: tuple[int, ...] = (1, 8, 8)) -> Any:
    target = PlainNetwork(given, "discriminator 'mine'")
    return target(Config(), in_shape=shape, sites=LABELS if target.labelled else NO_LABELS)


GENERATORS: dict[str, Any] = {
    "noise (B, Z)": MLP,
    "noise (B, Z, 1, 1)": convolutional_generator(),
    "with labels": LabelledGenerator(),
    "a class": LabelledGenerator,
    "a partial": functools.partial(LabelledGenerator, size=8),
}


@pytest.mark.parametrize("given", GENERATORS.values(), ids=GENERATORS)
def test_a_module_is_a_generator(given: Any) -> None:
    made = generator(given)(torch.randn(5, NOISE), torch.arange(5) % CLASSES)
    assert made.shape == (5, 1, 8, 8)


def test_a_generator_of_points() -> None:
    assert generator(nn.Linear(2, 2), Field("point", (2,)), 2)(torch.randn(5, 2), None).shape == (5, 2)


SCORES: dict[str, Callable[[Tensor], Any]] = {
    "(B,)": lambda logit: logit.view(-1),
    "(B, 1)": lambda logit: logit.flatten(1),
    "(B, 1, 1, 1)": lambda logit: logit,
    "with features": lambda logit: DiscriminatorOutput(logit, logit.flatten(1)),
}


@pytest.mark.parametrize("last", SCORES.values(), ids=SCORES)
def test_a_module_is_a_discriminator(last: Callable[[Tensor], Any]) -> None:
    module = Scored(last)
    x = torch.randn(5, 1, 8, 8)
    output = discriminator(module)(x, None)
    assert output.logit.shape == (5, 1)
    assert torch.equal(output.logit, module.main(x).view(5, 1))


def test_a_discriminator_gets_the_labels() -> None:
    network = discriminator(LabelledDiscriminator()).eval()
    x = torch.randn(1, 1, 8, 8).expand(2, 1, 8, 8)
    first, second = network(x, torch.tensor([0, 1])).logit
    assert first != second


def test_view_works_as_images_and_weights_are_contiguous() -> None:
    """Training converts networks and images to channels-last memory, in which ``view`` fails."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), Viewed(), nn.Linear(64, 1))
    network = discriminator(module, (3, 8, 8)).to(memory_format=torch.channels_last)
    x = torch.randn(5, 3, 8, 8).to(memory_format=torch.channels_last)
    network(x, None).logit.sum().backward()
    assert all(parameter.is_contiguous() for parameter in network.parameters())


class Viewed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(x.size(0), -1)


def test_an_object_is_copied_and_left_as_it_is() -> None:
    before = {name: value.clone() for name, value in MLP.state_dict().items()}
    network = generator(MLP)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in MLP.state_dict().items())
    module = convolutional_generator()
    generator(module)
    assert module[1].num_batches_tracked == 0


def test_a_network_is_built_on_the_device_of_the_context() -> None:
    with torch.device("meta"):
        networks = [generator(given) for given in (MLP, LabelledGenerator)]
    assert all(parameter.is_meta for network in networks for parameter in network.parameters())


def test_a_trial_draws_no_numbers() -> None:
    module = convolutional_discriminator(nn.Dropout())
    torch.manual_seed(0)
    expected = torch.randn(3)
    torch.manual_seed(0)
    generator(MLP)
    discriminator(module)
    assert torch.equal(torch.randn(3), expected)


def test_examples_of_a_plain_discriminator_pass_in_batches_of_their_own() -> None:
    assert batchwise(discriminator(convolutional_discriminator()))


class Forward(nn.Module):
    def required(self, x: Tensor, y: Tensor) -> None: ...

    def optional(self, x: Tensor, labels: Tensor | None = None) -> None: ...

    def switched(self, x: Tensor, features: bool = False) -> None: ...

    def anything(self, *inputs: Tensor) -> None: ...

    def named(self, x: Tensor, *, scale: float = 1.0) -> None: ...

    def three(self, x: Tensor, y: Tensor, z: Tensor) -> None: ...


@pytest.mark.parametrize(
    ("name", "labelled"),
    [("required", True), ("optional", True), ("switched", False), ("anything", False), ("named", False)],
)
def test_a_second_input_is_for_labels(name: str, labelled: bool) -> None:
    kind = type("Mine", (Forward,), {"forward": getattr(Forward, name)})
    for given in (kind, kind(), functools.partial(kind)):
        assert takes_labels(given, "mine") is labelled


def test_three_inputs_are_too_many() -> None:
    kind = type("Mine", (Forward,), {"forward": Forward.three})
    with pytest.raises(UserError, match=r"mine has a forward of 3 inputs \(x, y, z\)"):
        takes_labels(kind(), "mine")


class Unready(nn.Module):
    def __init__(self, width: int):
        super().__init__()

    def forward(self, z: Tensor) -> Tensor:
        return z


REFUSED_GENERATORS: dict[str, tuple[Any, str]] = {
    "of other noise": (
        nn.Linear(NOISE + 1, 64),
        r"takes no noise of 16 numbers \(with \(B, 16\): .*mat1.*\(B, 16, 1, 1\): .* set latent_size \(--latent-size\)",
    ),
    "of other images": (
        nn.Sequential(nn.Linear(NOISE, 784), nn.Unflatten(1, (1, 28, 28))),
        "generator 'mine' makes examples of shape 1×28×28, and the data has 1×8×8 images",
    ),
    "of colour": (convolutional_generator(3), "makes examples of shape 3×8×8, and the data has 1×8×8 images"),
    "of flat images": (nn.Linear(NOISE, 64), "makes examples of shape 64, and the data has 1×8×8 images"),
    "of float64": (
        nn.Linear(NOISE, 64).double(),
        r"generator 'mine' has weight in float64, and ganzoo trains in float32: give it after \.float\(\)",
    ),
    "of float16": (nn.Linear(NOISE, 64).half(), "has weight in float16"),
    "of lists": (type("Listed", (nn.Module,), {"forward": lambda self, z: [z]}), "returns list, not a tensor"),
    "that needs arguments": (Unready, "cannot be built without arguments .*functools.partial"),
}  # fmt: skip


@pytest.mark.parametrize(("given", "words"), REFUSED_GENERATORS.values(), ids=REFUSED_GENERATORS)
def test_a_generator_that_does_not_fit_is_refused(given: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        generator(given)


SIGMOIDS: dict[str, tuple[Any, str]] = {
    "a module": (convolutional_discriminator(nn.Sigmoid()), "remove the nn.Sigmoid '3'"),
    "a module before view": (convolutional_discriminator(nn.Sigmoid(), Viewed()), "remove the nn.Sigmoid '3'"),
    "a module before flatten": (convolutional_discriminator(nn.Sigmoid(), nn.Flatten(0)), "remove the nn.Sigmoid '3'"),
    "torch.sigmoid": (Scored(torch.sigmoid), "remove the sigmoid at the end of its forward"),
    "before view": (Scored(lambda logit: torch.sigmoid(logit).view(-1, 1)), "remove the sigmoid"),
    "before squeeze": (Scored(lambda logit: logit.sigmoid().squeeze()), "remove the sigmoid"),
    "before flatten": (Scored(lambda logit: logit.sigmoid().flatten()), "remove the sigmoid"),
    "before an index": (Scored(lambda logit: logit.sigmoid()[:, 0, 0, 0]), "remove the sigmoid"),
    "before a mean": (Scored(lambda logit: logit.sigmoid().mean((1, 2, 3))), "remove the sigmoid"),
    "with limits": (Scored(lambda logit: logit.sigmoid().clamp(1e-6, 1 - 1e-6)), "remove the sigmoid"),
}


@pytest.mark.parametrize(("given", "words"), SIGMOIDS.values(), ids=SIGMOIDS)
def test_a_sigmoid_at_the_end_of_a_discriminator_is_refused(given: Any, words: str) -> None:
    with pytest.raises(UserError, match=f"'mine' ends in a sigmoid, and ganzoo's losses take logits: {words}"):
        discriminator(given)


def test_a_sigmoid_elsewhere_is_allowed() -> None:
    discriminator(convolutional_discriminator(nn.Sigmoid(), nn.Conv2d(1, 1, 1)))
    discriminator(Scored(lambda logit: logit * torch.sigmoid(logit)))


REFUSED_SCORES: dict[str, tuple[Any, str]] = {
    "ten scores": (convolutional_discriminator(nn.Flatten(), nn.Linear(1, 10)), r"scores of shape \(3, 10\) for 3"),
    "one mean": (Scored(lambda logit: logit.mean()), r"scores of shape \(\) for 3"),
    "one mean (1,)": (Scored(lambda logit: logit.mean().view(1)), r"scores of shape \(1,\) for 3"),
    "a pair": (Scored(lambda logit: (logit, logit)), "scores of type tuple"),
    "other images": (nn.Sequential(nn.Flatten(), nn.Linear(784, 1)), "takes no examples of shape 1×8×8.*mat1 and mat2"),
}


@pytest.mark.parametrize(("given", "words"), REFUSED_SCORES.values(), ids=REFUSED_SCORES)
def test_a_discriminator_that_does_not_fit_is_refused(given: Any, words: str) -> None:
    with pytest.raises(UserError, match=words):
        discriminator(given)
