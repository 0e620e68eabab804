"""Losses and penalties."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_losses import configs


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield Component(
        "loss", "bce", "cross-entropy, non-saturating; with one- or two-sided label smoothing if asked",
        "ganzoo_losses.losses:CrossEntropy", configs.CrossEntropyConfig,
        source="Goodfellow et al. 2014, arXiv 1406.2661, section 3; smoothing: Salimans et al. 2016, arXiv 1606.03498",
    )  # fmt: skip
    yield Component(
        "loss", "saturating", "the minimax game of the first paper; its generator learns little at first",
        "ganzoo_losses.losses:Saturating", source="Goodfellow et al. 2014, arXiv 1406.2661, equation 1",
    )  # fmt: skip
    yield Component(
        "loss", "lsgan", "squared distance of the scores from 1 (real) and 0 (fake)",
        "ganzoo_losses.losses:LeastSquares", source="Mao et al. 2017, arXiv 1611.04076",
    )  # fmt: skip
    yield Component(
        "loss", "hinge", "scores matter only up to a margin of 1",
        "ganzoo_losses.losses:Hinge", source="Lim & Ye 2017, arXiv 1705.02894",
    )  # fmt: skip
    yield Component(
        "loss", "wasserstein", "difference of mean scores; wants a penalty that keeps the critic smooth",
        "ganzoo_losses.losses:Wasserstein", source="Arjovsky et al. 2017, arXiv 1701.07875",
    )  # fmt: skip
    yield Component("penalty", "none", "no penalty", "ganzoo_losses.penalties:NoPenalty")
    yield Component(
        "penalty", "r1", "squared gradient of the discriminator at real examples",
        "ganzoo_losses.penalties:R1", configs.ZeroCentredConfig, source="Mescheder et al. 2018, arXiv 1801.04406",
    )  # fmt: skip
    yield Component(
        "penalty", "r2", "squared gradient of the discriminator at fake examples",
        "ganzoo_losses.penalties:R2", configs.ZeroCentredConfig, source="Mescheder et al. 2018, arXiv 1801.04406",
    )  # fmt: skip
    yield Component(
        "penalty", "wgan-gp", "distance of the gradient's norm from 1 between real and fake examples",
        "ganzoo_losses.penalties:OneCentred", configs.OneCentredConfig,
        source="Gulrajani et al. 2017, arXiv 1704.00028, equation 3",
    )  # fmt: skip
