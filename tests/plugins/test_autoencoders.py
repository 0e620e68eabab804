"""Auto-encoders as discriminators: what their logit is, for data of any size, and what reaches the rest of a recipe."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from ganzoo.assembly.parts import build_recipe, resolve
from ganzoo.catalogue import Config, installed
from ganzoo.catalogue.check import check
from ganzoo.catalogue.options import make
from ganzoo.contract.conditioner import Sites, Unconditioned
from ganzoo.contract.networks import Discriminator
from ganzoo.contract.step_context import StepContext
from ganzoo.errors import Refused
from ganzoo.randomness import KeyedStreams
from ganzoo.testing.selections import choose

NAMES = [
    name
    for name in installed().names("discriminator")
    if "reconstruction" in installed().component("discriminator", name).provides
]
SHAPES = [(1, 8, 8), (3, 28, 28), (1, 9, 33), (2, 1, 65)]


def network(name: str, shape: tuple[int, ...], **options: object) -> Discriminator:
    component = installed().component("discriminator", name)
    torch.manual_seed(0)
    config = make(component.config, {"code": 5, **options}, name)
    built: Discriminator = resolve(component)(config, shape, Sites(Unconditioned, Config(), None))
    return built


def test_there_are_two() -> None:
    assert NAMES == ["autoencoder", "autoencoder-conv"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_logit_is_minus_the_mean_error_of_each_example(name: str, shape: tuple[int, ...]) -> None:
    x = torch.randn(3, *shape)
    for error, of_difference in (("squared", torch.square), ("absolute", torch.abs)):
        logit, code, reconstruction = network(name, shape, error=error)(x, None)
        assert reconstruction is not None
        assert (reconstruction.shape, code.shape, logit.shape) == (x.shape, (3, 5), (3, 1))
        expected = [-of_difference(made - own).mean() for made, own in zip(reconstruction, x, strict=True)]
        torch.testing.assert_close(logit[:, 0], torch.stack(expected))


@pytest.mark.parametrize("name", NAMES)
def test_an_example_reaches_its_reconstruction_through_the_code_alone(name: str) -> None:
    """There is no shortcut: the Jacobian of the reconstruction has at most the rank of the code."""
    built = network(name, (1, 8, 8)).double()

    def reconstruct(x: Tensor) -> Tensor:
        made: Tensor = built(x.view(1, 1, 8, 8), None).reconstruction
        return made.flatten()

    jacobian = torch.autograd.functional.jacobian(reconstruct, torch.randn(64, dtype=torch.float64))
    assert torch.linalg.matrix_rank(jacobian, rtol=1e-9) == 5


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_to_reconstruct(name: str) -> None:
    built, x = network(name, (1, 8, 8)), torch.randn(4, 1, 8, 8)
    optimizer = torch.optim.Adam(built.parameters(), 1e-2)
    errors = []
    for _ in range(60):
        error = -built(x, None).logit.mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.3 * errors[0]


def test_halving_ends_where_no_side_is_longer_than_8() -> None:
    built = network("autoencoder-conv", (1, 9, 33))
    halvings = [layer for layer in built.modules() if isinstance(layer, nn.Conv2d) and layer.stride == (2, 2)]
    doublings = [layer for layer in built.modules() if isinstance(layer, nn.Upsample)]
    assert len(halvings) == len(doublings) == 3, "33, 17, 9, 5"
    assert network("autoencoder-conv", (1, 8, 8)).encode(torch.zeros(1, 1, 8, 8), None).shape == (1, 5)


@pytest.mark.parametrize("joint", [True, False])
def test_a_joint_pass_keeps_the_reconstructions(joint: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    selection = choose("gan", loss="ebgan", discriminator="autoencoder", recipe_joint=joint)
    recipe = build_recipe(selection, check(selection))
    scored = recipe._scored  # type: ignore[operator, union-attr]
    found = []
    monkeypatch.setattr(recipe, "_scored", lambda inputs: found.append((inputs, scored(inputs))) or found[-1][1])
    batch = {"dataset": {"image": torch.randn(4, 1, 8, 8), "label": torch.zeros(4, dtype=torch.int64)}}
    recipe.discriminate(batch, StepContext(0, 10, "discriminator", 0, KeyedStreams(seed=0)))  # type: ignore[operator]
    ((inputs, outputs),) = found
    for examples, output in zip(inputs, outputs, strict=True):
        error = (output.reconstruction - examples.values).flatten(1).square().mean(1, keepdim=True)
        torch.testing.assert_close(output.logit, -error)


@pytest.mark.parametrize("loss", ["ebgan", "began"])
def test_a_loss_of_an_energy_asks_for_an_auto_encoder(loss: str) -> None:
    with pytest.raises(Refused, match=f"loss '{loss}'.*reconstruction.*--discriminator autoencoder"):
        check(choose("gan", loss=loss))
    check(choose("gan", loss=loss, discriminator="autoencoder"))
