"""Loss functions, and gradient penalties of the discriminator."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_losses import configs


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
    yield Component(
        kind="penalty",
        name="none",
        summary="no penalty",
        target="ganzoo_losses.penalties:NoPenalty",
    )
    yield Component(
        kind="penalty",
        name="r1",
        summary="squared gradient norm of the discriminator at real examples",
        target="ganzoo_losses.penalties:R1",
        config=configs.ZeroCentredConfig,
        source="Mescheder et al. 2018, arXiv 1801.04406",
    )
    yield Component(
        kind="penalty",
        name="r2",
        summary="squared gradient norm of the discriminator at fake examples",
        target="ganzoo_losses.penalties:R2",
        config=configs.ZeroCentredConfig,
        source="Mescheder et al. 2018, arXiv 1801.04406",
    )
    yield Component(
        kind="penalty",
        name="wgan-gp",
        summary="squared distance of the gradient norm from 1, at random points between real and fake examples",
        target="ganzoo_losses.penalties:OneCentred",
        config=configs.OneCentredConfig,
        source="Gulrajani et al. 2017, arXiv 1704.00028, equation 3",
        equation="λ (‖∇D(x̂)‖ − 1)², x̂ = ε·x + (1 − ε)·G(z), one ε in [0, 1] for each example",
        strengths="Trains a Wasserstein critic, and most other discriminators, without collapse and for a long time.",
        pitfalls="Not with batch norm in the discriminator. It costs a second backward pass. It does not converge near "
        "the optimum: the norm is held at 1 there, too.",
        origin="weight 10 is the paper's, for all its data sets",
    )
