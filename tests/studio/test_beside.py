"""Real examples beside generated ones: the nearest, and those of the same condition."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo.contract.judge import Examples
from ganzoo.errors import UserError
from ganzoo.studio.beside import nearest, same_condition, training_data, write_beside
from ganzoo.studio.export import Look
from ganzoo.testing.models import untrained


def examples(conditions: torch.Tensor | None = None) -> Examples:
    values = torch.stack([torch.full((1, 2, 2), number / 10) for number in range(10)])
    return Examples(values, conditions, conditions)


def test_the_nearest_example_is_found_with_its_distance() -> None:
    made = torch.stack([torch.full((1, 2, 2), value) for value in (0.31, 0.9, -1.0)])
    found = nearest(made, examples())
    assert found.examples[:, 0, 0, 0].tolist() == pytest.approx([0.3, 0.9, 0.0])
    assert found.titles == ["nearest 0.000", "nearest 0.000", "nearest 1.000"]


def test_a_memorised_example_is_its_own_neighbour(tmp_path: Path) -> None:
    data = training_data(untrained(tmp_path / "model.safetensors", "cgan"))
    chosen = data.values[[3, 500, 1700]]
    assert torch.equal(nearest(chosen, data).examples, chosen)


def test_a_real_example_has_the_condition_and_several_of_one_differ() -> None:
    data = examples(torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0]))
    found = same_condition(torch.tensor([1, 1, 2, 1, 1, 5]), 6, data)
    assert (found.examples[:, 0, 0, 0] * 10).round().tolist() == [1, 4, 2, 7, 1, 0]
    assert found.titles == [*["real"] * 5, "none"]


def test_without_conditions_the_first_examples_are_taken() -> None:
    assert (same_condition(None, 3, examples()).examples[:, 0, 0, 0] * 10).round().tolist() == [0, 1, 2]


@pytest.mark.parametrize("way", ["nearest", "real"])
def test_a_picture_shows_pairs(way: str, tmp_path: Path) -> None:
    model = untrained(tmp_path / "model.safetensors", "cgan")
    made, conditions = model.sample(6), model.conditions(6)
    write_beside(tmp_path / "new" / "pairs.png", model, made, conditions, Look(columns=3, enlarge=48), way)
    with Image.open(tmp_path / "new" / "pairs.png") as picture:
        assert 6 * 48 < picture.width < 6 * 56 and 2 * 48 < picture.height < 4 * 48


def test_what_is_no_image_and_data_that_does_not_fit_are_refused(tmp_path: Path) -> None:
    points = untrained(tmp_path / "points.safetensors", "gan", dataset="ring", dataset_size=None)
    with pytest.raises(UserError, match="for images"):
        write_beside(tmp_path / "a.png", points, points.sample(2), None, Look(), "real")
    model = untrained(tmp_path / "model.safetensors", "cgan")
    with pytest.raises(UserError, match="name another --dataset"):
        training_data(model, "ring")
    assert not (tmp_path / "a.png").exists()
