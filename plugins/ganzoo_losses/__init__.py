"""Loss functions, penalties of both networks, and constraints on their weights."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_losses import configs
from ganzoo_losses.penalty_declarations import penalty_components


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield Component(
        kind="loss",
        name="bce",
        summary="binary cross-entropy, non-saturating; optional label smoothing",
        target="ganzoo_losses.losses:CrossEntropy",
        config=configs.CrossEntropyConfig,
        source="Goodfellow et al. 2014, arXiv 1406.2661, section 3; smoothing: Salimans et al. 2016, arXiv 1606.03498",
    )
    yield Component(
        kind="loss",
        name="saturating",
        summary="the original minimax loss; the generator's gradient is small early in training",
        target="ganzoo_losses.losses:Saturating",
        source="Goodfellow et al. 2014, arXiv 1406.2661, equation 1",
    )
    yield Component(
        kind="loss",
        name="lsgan",
        summary="least squares: squared distance of the scores from 1 (real) and 0 (fake)",
        target="ganzoo_losses.losses:LeastSquares",
        source="Mao et al. 2017, arXiv 1611.04076",
    )
    yield Component(
        kind="loss",
        name="hinge",
        summary="hinge loss: the discriminator's scores count only up to a margin of 1",
        target="ganzoo_losses.losses:Hinge",
        source="Lim & Ye 2017, arXiv 1705.02894",
    )
    yield Component(
        kind="loss",
        name="wasserstein",
        summary="difference of the mean scores; needs a gradient penalty such as wgan-gp, or clipped weights",
        target="ganzoo_losses.losses:Wasserstein",
        source="Arjovsky et al. 2017, arXiv 1701.07875",
    )
    yield from penalty_components()
