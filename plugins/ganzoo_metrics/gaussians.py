"""The judge of points: a Gaussian for each class."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor

from ganzoo.plugin import Config, Examples, Field, Judge, JudgeOutput, Track

SURE = 3.0  # standard deviations
NARROWEST = 1e-6  # least standard deviation, for classes whose points are all the same


@final
class Gaussians(Judge):
    """A mean for each class, and a standard deviation for each axis, shared by all classes; features are the points.

    A logit is the log-density of a class up to a constant, so the most likely class is the nearest, in deviations. A
    point is sure within 3 deviations of it, as 1 − e^(−9/2) = 98.9 % of the points of a Gaussian in the plane are.
    Source: Srivastava et al., "VEEGAN", arXiv 1705.07761, for the 3 deviations.
    """

    means: Tensor
    deviation: Tensor
    known: Tensor

    def __init__(self, config: Config, field: Field, condition: Field):
        super().__init__()
        self.register_buffer("means", torch.zeros(condition.classes, field.size))
        self.register_buffer("deviation", torch.ones(field.size))
        self.register_buffer("known", torch.zeros(condition.classes, dtype=torch.bool))

    def learn(self, real: Examples, generator: torch.Generator, track: Track) -> None:
        """Set the means and the deviation to those of ``real``; a class without examples is never an answer."""
        assert real.labels is not None  # its declaration requires them
        # On the CPU, since some devices lack float64.
        points, labels = real.values.flatten(1).cpu().double(), real.labels.cpu()
        counts = labels.bincount(minlength=len(self.means))
        means = torch.zeros_like(self.means, dtype=torch.float64, device="cpu").index_add_(0, labels, points)
        means /= counts.clamp(min=1)[:, None]
        known = counts > 0
        freedom = max(1, len(points) - int(known.sum()))
        deviation = ((points - means[labels]).square().sum(dim=0) / freedom).sqrt()
        self.means.copy_(means)
        self.deviation.copy_(deviation.clamp(min=NARROWEST))
        self.known.copy_(known)

    def forward(self, values: Tensor) -> JudgeOutput:
        """Return features and logits of points (N, F), and which are sure."""
        points = values.flatten(1).float()
        # Matrix products would lose precision for points that are far from the origin.
        distances = torch.cdist(
            points / self.deviation, self.means / self.deviation, compute_mode="donot_use_mm_for_euclid_dist"
        ).masked_fill(~self.known, torch.inf)
        return JudgeOutput(points, -distances.square() / 2, distances.amin(dim=1) <= SURE)
