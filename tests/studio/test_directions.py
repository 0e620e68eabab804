"""Directions in closed form: the singular vectors of what the noise does in the first layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ganzoo.errors import UserError
from ganzoo.studio.directions import Directions, find_directions
from ganzoo.studio.model import Model
from ganzoo.studio.noise import noise_of
from ganzoo.testing.models import untrained


def found(model: Model) -> Directions:
    conditions = model.conditions(2)
    return find_directions(model, noise_of(model.recipe, 2, conditions, 0), conditions, {})


def assert_equal_up_to_sign(vectors: torch.Tensor, expected: torch.Tensor, count: int = 5) -> None:
    cosines = (vectors[:count] * expected[:count]).sum(1).abs()
    assert torch.allclose(cosines, torch.ones(count), atol=1e-3), cosines


def test_they_are_the_right_singular_vectors_of_the_first_layer(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan", latent_size=12)
    _, strengths, vectors = torch.linalg.svd(model.recipe.generator.layers[0][0].weight.detach(), full_matrices=False)
    directions = found(model)
    assert_equal_up_to_sign(directions.vectors, vectors)
    assert torch.allclose(directions.strengths, strengths, rtol=1e-3)
    assert torch.allclose(directions.vectors @ directions.vectors.T, torch.eye(12), atol=1e-4)


def test_uniform_noise_is_stretched_by_its_width(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan", latent="uniform", latent_size=12)
    strengths = torch.linalg.svdvals(model.recipe.generator.layers[0][0].weight.detach())
    assert torch.allclose(found(model).strengths, 2 * strengths, rtol=1e-3)  # from -1 to 1


def test_a_conditioner_that_multiplies_the_noise_is_part_of_the_matrix(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "cgan", conditioner="multiply", latent_size=12)
    generator = model.recipe.generator
    code = generator.input.embedding.weight[0].detach()  # the first example is of class 0
    matrix = generator.layers[0][0].weight.detach() * code
    _, _, vectors = torch.linalg.svd(matrix, full_matrices=False)
    assert_equal_up_to_sign(found(model).vectors, vectors)


@pytest.mark.parametrize("flags", [{}, {"generator_weights": "spectral"}, {"generator_weights": "equalised"}])
def test_a_rule_for_the_weights_is_followed(flags: dict[str, Any], tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan", latent_size=6, **flags)
    layer = model.recipe.generator.layers[0][0]
    weight = layer.rule(layer.weight) if flags else layer.weight
    strengths = torch.linalg.svdvals(weight.detach())
    assert torch.allclose(found(model).strengths, strengths, rtol=1e-3)


def test_a_transposed_convolution_has_directions_too(tmp_path: Path) -> None:
    model = untrained(tmp_path / "a.safetensors", "dcgan", dataset_size=16, latent_size=6)
    directions = found(model)
    assert directions.vectors.shape == (6, 6)
    assert bool((directions.strengths.diff() <= 0).all()) and float(directions.strengths[-1]) > 0


def test_a_model_whose_layers_do_not_see_the_noise_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = untrained(tmp_path / "a.safetensors", "gan", latent_size=6)
    monkeypatch.setattr(type(model.recipe), "sample", lambda recipe, request: request.draws.normal(request.count, 6))
    with pytest.raises(UserError, match="no layer of this model sees the noise"):
        found(model)
