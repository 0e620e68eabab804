"""Patterns in images: extreme values, inverted colours, grids, copies."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganzoo.health import patterns

SIZE = 16


def pictures(count: int = 64, seed: int = 0) -> Tensor:
    """Return light blots at random places on dark ground, (count, 1, 16, 16)."""
    generator = torch.Generator().manual_seed(seed)
    centres = 4 + 8 * torch.rand(count, 2, 1, 1, generator=generator)
    rows, columns = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    distances = (rows - centres[:, 0]).square() + (columns - centres[:, 1]).square()
    return (2 * torch.exp(-distances / 8) - 1).unsqueeze(1)


def waves(period: int) -> Tensor:
    return 1 - 2 * ((torch.arange(SIZE) % period) < period / 2).float()


@pytest.mark.parametrize("period", [2, 4])
@pytest.mark.parametrize("along", ["rows", "columns"])
def test_a_grid_over_images_is_found_with_its_period(period: int, along: str) -> None:
    wave = waves(period)[:, None] if along == "rows" else waves(period)
    peak = patterns.checkerboard(pictures(seed=1) + 0.3 * wave, pictures())
    assert peak is not None
    assert peak.period == period


@pytest.mark.parametrize("other", ["alike", "noisy", "period of 8", "faint"])
def test_what_is_no_grid_is_not_found(other: str) -> None:
    changes = {
        "alike": torch.zeros(SIZE),
        "noisy": 0.5 * torch.randn(64, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(2)),
        "period of 8": waves(8),
        "faint": 0.02 * waves(2),
    }
    assert patterns.checkerboard(pictures(seed=1) + changes[other], pictures()) is None


def test_a_grid_that_real_images_have_is_not_a_fault() -> None:
    assert patterns.checkerboard(pictures(seed=1) + waves(2), pictures() + waves(2)) is None


def test_inverted_images_are_nearer_to_inverted_ones() -> None:
    same, inverted = patterns.histogram_distances(-pictures(seed=1), pictures())
    assert inverted < 0.02 < 0.3 < same
    assert patterns.likeness_of_means(-pictures(seed=1), pictures()) < -0.9
    assert patterns.likeness_of_means(pictures(seed=1), pictures()) > 0.9
    assert patterns.likeness_of_means(torch.zeros(2, 1, SIZE, SIZE), pictures()) == 0


def test_data_that_inverting_does_not_change_tells_nothing() -> None:
    assert patterns.tells_light_from_dark(pictures())
    assert not patterns.tells_light_from_dark(torch.cat([pictures(), -pictures()]))


@pytest.mark.parametrize(
    ("shape", "enough"),
    [((1, 16, 16), True), ((3, 64, 32), True), ((1, 8, 8), False), ((1, 30, 30), False), ((2,), False)],
)
def test_a_spectrum_needs_pixels(shape: tuple[int, ...], enough: bool) -> None:
    assert patterns.has_spectrum(shape) == enough


def test_copies_are_at_distance_0() -> None:
    images = pictures().flatten(1)
    assert float(patterns.nearest(images[:8], images).max()) < 1e-2
    assert float(patterns.nearest(-images[:8], images).min()) > 1
