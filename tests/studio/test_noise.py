"""The noise of examples: the same numbers as those of a sample, and paths between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.catalogue import installed
from ganzoo.errors import UserError
from ganzoo.randomness import ExampleDraws
from ganzoo.studio import noise as module
from ganzoo.studio.noise import Drawn, GivenDraws, Noise, generate, noise_of, spherical
from ganzoo.testing.models import some_condition, untrained
from ganzoo.testing.selections import each_case

CASES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    **{name: (name, {"dataset_size": 16}) for name in installed().names("variant")},
    "uniform": ("cgan", {"latent": "uniform"}),
    "points": ("gan", {"dataset": "ring", "dataset_size": None}),
    "videos": ("gan", {"dataset": "moving-discs"}),
}


@pytest.mark.parametrize("case", each_case(CASES, "recipe", "generator"))
def test_the_noise_of_a_sample_gives_the_sample_again(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant, flags = CASES[case]
    monkeypatch.setattr(module, "CHUNK", 3)
    model = untrained(tmp_path / "a.safetensors", variant, **flags)
    conditions = model.conditions(5, some_condition(model))
    noise = noise_of(model.recipe, 5, conditions, seed=4)
    made = generate(model.recipe, noise, 5, conditions).detach()
    assert torch.allclose(made, model.sample(5, some_condition(model), seed=4), atol=1e-5)
    if not noise.draws:
        assert torch.equal(made, model.sample(5, some_condition(model), seed=5)), "without noise a seed changes nothing"
        return
    assert noise.latent.shape[0] == 5
    other = generate(model.recipe, noise.with_latent(noise.latent.flip(0)), 5, conditions)
    assert not torch.allclose(made, other, atol=1e-3)


def test_examples_have_gradients_with_respect_to_the_noise(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan")
    noise = noise_of(model.recipe, 2, None, seed=0)
    latent = noise.latent.clone().requires_grad_()
    generate(model.recipe, noise.with_latent(latent), 2, None).square().sum().backward()
    assert latent.grad is not None and bool((latent.grad.abs().sum(1) > 0).all())


def test_a_sphere_between_orthogonal_vectors_of_unequal_length() -> None:
    a, b = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    third = math.pi / 6
    assert torch.allclose(spherical(a, b, 1 / 3), torch.tensor([[3 * math.cos(third), math.sin(third)]]))


@pytest.mark.parametrize("shape", [(4, 100), (4, 1), (4, 3, 5, 5)])
def test_a_sphere_has_the_right_ends_and_keeps_the_length(shape: tuple[int, ...]) -> None:
    draws = ExampleDraws(0, "a", range(4))
    a, b = draws.normal(*shape), draws.normal(*shape)
    assert torch.allclose(spherical(a, b, 0.0), a, atol=1e-5)
    assert torch.allclose(spherical(a, b, 1.0), b, atol=1e-5)
    middle = spherical(a, b, 0.5).flatten(1).norm(dim=1)
    lengths = torch.stack([a.flatten(1).norm(dim=1), b.flatten(1).norm(dim=1)])
    if shape == (4, 100):  # a straight line has about 0.7 of the length in its middle
        assert bool((middle > 0.9 * lengths.amin(0)).all())


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_parallel_vectors_have_a_straight_path(sign: float) -> None:
    a = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    assert torch.allclose(spherical(a, sign * 3 * a, 0.25), a * (0.75 + 0.25 * sign * 3))


def test_uniform_numbers_go_straight_and_stay_in_their_range() -> None:
    first, second = Drawn(torch.tensor([[0.0, 0.5]]), torch.rand), Drawn(torch.tensor([[1.0, 0.5]]), torch.rand)
    assert first.towards(second, 0.25).values.tolist() == [[0.25, 0.5]]
    assert first.changed(torch.tensor([[-1.0, 2.0]])).values.tolist() == [[0.0, 1.0]]


def test_indices_jump_in_the_middle() -> None:
    first, second = (Drawn(torch.tensor([index]), torch.randint) for index in (3, 7))
    assert [int(first.towards(second, share).values) for share in (0.0, 0.4, 0.6, 1.0)] == [3, 3, 7, 7]


def test_truncation_is_a_distance_from_the_mean() -> None:
    values = torch.tensor([[1.0, 0.0]])
    noise = Noise((Drawn(values, torch.randn), Drawn(values, torch.rand), Drawn(torch.tensor([5]), torch.randint)))
    normal, uniform, index = (drawn.values.tolist() for drawn in noise.truncated(0.5).draws)
    assert (normal, uniform, index) == ([[0.5, 0.0]], [[0.75, 0.25]], [5])


def test_a_model_without_noise_says_so() -> None:
    with pytest.raises(UserError, match=r"no noise.*--labels"):
        _ = Noise((Drawn(torch.tensor([5]), torch.randint),)).latent


def test_a_recipe_that_draws_more_than_before_is_told() -> None:
    draws = GivenDraws([torch.zeros(2, 3)])
    assert draws.normal(2, 3).shape == (2, 3)
    with pytest.raises(ValueError, match="other random numbers than before"):
        draws.uniform(2, 3)
