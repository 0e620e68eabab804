"""Patterns in values between -1 and 1, such as images: extreme values, inverted colours, checkerboards, copies."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

BINS = 32
SMALLEST = 16  # pixels of a side: smaller images have too few frequencies for a peak to have neighbours
LEAST_SHARE = 0.02  # of the power of real images in one frequency, for a pattern that one sees
LEAST_FACTOR = 10.0  # times the neighbouring frequencies
LEAST_EXCESS = 3.0  # times what the same frequency has over its neighbours in real images


class Peak(NamedTuple):
    """A frequency that stands out: ``period`` in pixels, ``share`` of the real power, and ``factor`` over others."""

    period: int
    share: float
    factor: float


def moderate(values: Tensor) -> float:
    """Return the share of values that are not within a twentieth of the range from its limits.

    >>> moderate(torch.tensor([-1.0, -0.5, 0.0, 0.99]))
    0.5
    """
    return float((values.abs() < 0.9).float().mean())


def tells_light_from_dark(values: Tensor) -> bool:
    """Return whether the histogram of real values differs from that of inverted ones."""
    cumulated = _cumulated(values)
    return float((cumulated - _cumulated(-values)).abs().mean()) > 0.1


def histogram_distances(generated: Tensor, real: Tensor) -> tuple[float, float]:
    """Return the distance of the histogram of generated values from that of real ones, and of inverted real ones."""
    own = _cumulated(generated)
    same, inverted = (float((own - _cumulated(other)).abs().mean()) for other in (real, -real))
    return same, inverted


def likeness_of_means(generated: Tensor, real: Tensor) -> float:
    """Return the correlation of the mean generated with the mean real example, from -1 to 1."""
    means = torch.stack([generated.mean(0).flatten(), real.mean(0).flatten()]).float()
    return float(torch.corrcoef(means)[0, 1].nan_to_num())


def has_spectrum(shape: tuple[int, ...]) -> bool:
    """Return whether examples of ``shape`` are images with enough frequencies."""
    return len(shape) == 3 and min(shape[1:]) >= SMALLEST and not any(size % 4 for size in shape[1:])


def checkerboard(generated: Tensor, real: Tensor) -> Peak | None:
    """Return the frequency of a pattern that repeats every two or four pixels, if generated images have one.

    Transposed convolutions leave such patterns where their kernels overlap unevenly; real images have none.
    """
    own, others = _spectrum(generated), _spectrum(real)
    whole = others.sum().clamp(min=1e-30)
    height, width = own.shape
    peaks = []
    for period in (2, 4):
        rows, columns = height // period, width // period
        for row, column in ((rows, 0), (0, columns), (rows, columns)):
            peak = Peak(period, float(own[row, column] / whole), _over_neighbours(own, row, column))
            if peak.factor > LEAST_EXCESS * _over_neighbours(others, row, column):
                peaks.append(peak)
    strongest = max(peaks, key=lambda peak: peak.share, default=Peak(0, 0.0, 0.0))
    return strongest if strongest.share > LEAST_SHARE and strongest.factor > LEAST_FACTOR else None


def nearest(examples: Tensor, others: Tensor) -> Tensor:
    """Return the distance (B,) of each example (B, F) from the nearest of ``others`` (N, F)."""
    return torch.cdist(examples, others).amin(1)


def _cumulated(values: Tensor) -> Tensor:
    histogram = torch.histc(values.float().clamp(-1, 1), BINS, -1, 1)
    return histogram.cumsum(0) / histogram.sum()


def _spectrum(images: Tensor) -> Tensor:
    """Return the mean power of each frequency (H, W)."""
    centred = images.float() - images.float().mean((-2, -1), keepdim=True)
    power: Tensor = torch.fft.fft2(centred).abs().square().mean((0, 1))
    return power


def _over_neighbours(spectrum: Tensor, row: int, column: int) -> float:
    around = spectrum.roll((1 - row, 1 - column), (0, 1))[:3, :3].flatten()
    others = torch.cat([around[:4], around[5:]])
    return float(around[4] / others.median().clamp(min=1e-12))
