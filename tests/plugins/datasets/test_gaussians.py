"""Gaussians in the plane."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from ganzoo_datasets.configs import (
    GaussiansConfig,
    GridConfig,
    RingConfig,
)
from ganzoo_datasets.gaussians import GaussiansDataset
from ganzoo_datasets.scenes import ShapesConfig
from ganzoo_datasets.shapes import ShapesDataset

# The Gaussians

PLACES = {
    "ring": (RingConfig(), [(2, 0), (2**0.5, 2**0.5), (0, 2), (-(2**0.5), 2**0.5), (-2, 0)]),
    "grid": (GridConfig(), [(-4, -4), (-4, -2), (-4, 0), (-4, 2), (-4, 4), (-2, -4)]),
    "small grid": (GridConfig(side=2, spacing=1.0), [(-0.5, -0.5), (-0.5, 0.5), (0.5, -0.5), (0.5, 0.5)]),
}


@pytest.mark.parametrize(("config", "first"), PLACES.values(), ids=PLACES)
def test_gaussians_are_where_they_say(config: GaussiansConfig, first: list[tuple[float, float]]) -> None:
    means = torch.tensor(config.centres)
    torch.testing.assert_close(means[: len(first)], torch.tensor(first, dtype=torch.float32))
    fields = GaussiansDataset(config, Path()).read(torch.arange(config.count))
    away = fields["point"] - means[fields["label"]]
    assert torch.allclose(away.std(dim=0), torch.full((2,), config.std), rtol=0.02)
    assert fields["label"].bincount().tolist() == [config.count // len(means)] * len(means)
    nearest = torch.cdist(fields["point"], means).argmin(dim=1)
    assert torch.equal(nearest, fields["label"])


def test_the_ring_and_the_grid_are_those_of_the_literature() -> None:
    ring, grid = (torch.tensor(config.centres) for config in (RingConfig(), GridConfig()))
    assert torch.allclose(ring.norm(dim=1), torch.full((8,), 2.0))
    assert sorted(grid.tolist()) == [[float(x), float(y)] for x in range(-4, 5, 2) for y in range(-4, 5, 2)]
    assert GridConfig().std == 0.05


def test_seeds_differ() -> None:
    for config, dataset in (
        (RingConfig, GaussiansDataset),
        (GridConfig, GaussiansDataset),
        (ShapesConfig, ShapesDataset),
    ):
        one, two = (dataset(config(seed=seed, count=100), Path()).read(torch.arange(100)) for seed in (0, 1))
        first = next(iter(one))
        assert not torch.equal(one[first], two[first])
