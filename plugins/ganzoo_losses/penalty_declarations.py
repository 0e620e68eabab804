"""The declarations of penalties and constraints."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need
from ganzoo_losses import configs

R1R2 = "Mescheder et al. 2018, arXiv 1801.04406"
LAZY = (
    "Lazy penalties (every above 1) make updates of their own with the moments of the optimizer, so that the learning "
    "rate and the betas of the paper are corrected for them. They can fail, as on StackedMNIST and points in the plane "
    "(arXiv 2501.05441, appendix E)."
)
NO_BATCH_NORM = "Not with batch norm in the discriminator: examples of a batch have no gradients of their own there."


def penalty_components() -> Iterable[Component]:
    """Return the penalties of the discriminator and of the generator."""
    yield Component(
        kind="penalty",
        name="none",
        summary="no penalty",
        target="ganzoo_losses.penalties:NoPenalty",
    )
    yield from _of_gradients()
    yield from _of_scores()
    yield from _of_weights()
    yield from _of_generators()


def _of_gradients() -> Iterable[Component]:
    yield Component(
        kind="penalty",
        name="r1",
        summary="squared gradient norm of the discriminator at real examples",
        target="ganzoo_losses.penalties:R1",
        config=configs.ZeroCentredConfig,
        source=R1R2,
        equation="γ/2 ‖∇D(x)‖²",
        strengths="Trainings converge near the optimum, with any loss. It needs no fakes.",
        pitfalls=f"{NO_BATCH_NORM} γ depends on the data: more for larger images. {LAZY}",
        origin="γ 1 suits images of 32 pixels and points; the paper has 10 for larger ones",
    )
    yield Component(
        kind="penalty",
        name="r2",
        summary="squared gradient norm of the discriminator at fake examples",
        target="ganzoo_losses.penalties:R2",
        config=configs.ZeroCentredConfig,
        source=R1R2,
        equation="γ/2 ‖∇D(G(z))‖²",
        strengths="With R1, trainings converge also where real and fake examples are far apart (R3GAN).",
        pitfalls=f"Best together with r1. {NO_BATCH_NORM} {LAZY}",
        origin="γ as that of r1",
    )
    yield Component(
        kind="penalty",
        name="wgan-gp",
        summary="squared distance of the gradient norm from 1, at random points between real and fake examples",
        target="ganzoo_losses.penalties:WGANGP",
        config=configs.OneCentredConfig,
        source="Gulrajani et al. 2017, arXiv 1704.00028, equation 3",
        equation="λ (‖∇D(x̂)‖ − 1)², or λ max(0, ‖∇D(x̂)‖ − 1)² (one-sided); x̂ = ε·x + (1 − ε)·G(z), one ε in [0, 1] "
        "for each example",
        strengths="Trains a Wasserstein critic, and most other discriminators, without collapse and for a long time.",
        pitfalls=f"{NO_BATCH_NORM} It costs a second backward pass. It does not converge near the optimum: the norm is "
        "held at 1 there, too.",
        origin="weight 10 and two sides are the paper's, for all its data sets; weight 0.1 for points in the plane",
    )
    yield Component(
        kind="penalty",
        name="dragan",
        summary="squared distance of the gradient norm from 1, at real examples with noise",
        target="ganzoo_losses.penalties:DRAGAN",
        config=configs.DRAGANConfig,
        source="Kodali et al. 2017, arXiv 1705.07215",
        equation="λ (‖∇D(x + δ)‖ − 1)², δ ~ N(0, c²I), a number of its own for each number of x",
        strengths="Acts on any loss. It needs no fakes, and asks for nothing far from the data.",
        pitfalls=f"{NO_BATCH_NORM} The noise must suit the data. Well-known code draws noise that is never negative, "
        "and scales it by the whole batch. Like wgan-gp, it does not converge near the optimum.",
        origin="weight 10 and norm 1 are the paper's; noise 0.2 has the size of that in the authors' code",
    )


def _of_scores() -> Iterable[Component]:
    images = (Need(("data:image",), "use a dataset of images, or another penalty"),)
    yield Component(
        kind="penalty",
        name="drift",
        summary="squared scores of real examples, which keeps the scores of a critic near zero",
        target="ganzoo_losses.scores:Drift",
        config=configs.DriftConfig,
        source="Karras et al. 2018, arXiv 1710.10196, appendix A.1",
        equation="ε D(x)²",
        strengths="The loss of a critic does not change if all scores grow alike; this holds them.",
        pitfalls="No regulariser by itself: use it with wgan-gp.",
        origin="ε 0.001 is the paper's",
    )
    yield Component(
        kind="penalty",
        name="lecam",
        summary="squared distance of scores from the moving average of the other kind's, for little data",
        target="ganzoo_losses.scores:LeCam",
        config=configs.LeCamConfig,
        source="Tseng et al. 2021, arXiv 2104.03310, and code of the authors",
        equation="λ ((D(x) − α_F)² + (α_R − D(G(z)))²), with moving averages α_R of D(x) and α_F of D(G(z))",
        strengths="Keeps a discriminator from being too sure on few examples. It costs no second backward pass.",
        pitfalls="It bounds the scores, and slows a training that has much data.",
        origin="decay 0.99, and averages free of bias from 0, are of the authors' code; weight 0.3 suits CIFAR-10",
    )
    yield Component(
        kind="penalty",
        name="consistency",
        summary="squared distance of the scores of an image and of the image mirrored and shifted",
        target="ganzoo_losses.consistency:Consistency",
        config=configs.ConsistencyConfig,
        requires=images,
        source="Zhang et al. 2020, arXiv 1910.12027",
        equation="λ (D(x) − D(T(x)))²",
        strengths="Cheaper than a gradient penalty, and works beside spectral normalisation.",
        pitfalls="The generator may learn to mirror and to shift. Choose flip no for digits and letters.",
        origin="weight 10, mirror images and shifts by a few pixels are the paper's",
    )
    yield Component(
        kind="penalty",
        name="balanced-consistency",
        summary="consistency of the scores of real images and of fakes",
        target="ganzoo_losses.consistency:BalancedConsistency",
        config=configs.BalancedConsistencyConfig,
        requires=images,
        source="Zhao et al. 2021, arXiv 2002.04724",
        equation="λ_real (D(x) − D(T(x)))² + λ_fake (D(G(z)) − D(T(G(z))))²",
        strengths="The generator does not learn the changes themselves, as it may with consistency.",
        pitfalls="Four passes of the discriminator. Choose flip no for digits and letters.",
        origin="both weights 10 are the paper's",
    )


def _of_weights() -> Iterable[Component]:
    yield Component(
        kind="penalty",
        name="clipping",
        summary="no term: every weight of the discriminator is clipped after every update",
        target="ganzoo_losses.weights:Clipping",
        config=configs.ClippingConfig,
        source="Arjovsky et al. 2017, arXiv 1701.07875, algorithm 1",
        equation="w ← min(c, max(−c, w)) for every parameter w",
        strengths="The cheapest way to a critic with a bounded gradient.",
        pitfalls="Critics become simple, and gradients vanish or explode with depth: wgan-gp is better. It clips the "
        "gains of batch norm too. It needs a small learning rate.",
        origin="c 0.01 is the paper's, with RMSprop at 5e-5 and 5 updates of the critic",
    )
    yield Component(
        kind="penalty",
        name="orthogonal",
        summary="similarity of the rows of the discriminator's weights",
        target="ganzoo_losses.weights:Orthogonal",
        config=configs.OrthogonalConfig,
        source="Brock et al. 2019, arXiv 1809.11096, equation 3",
        equation="β ‖W Wᵀ ⊙ (1 − I)‖² of each layer, with a row of W for each output",
        strengths="Keeps layers well conditioned; without the diagonal, it leaves their norms free.",
        pitfalls="A layer with more outputs than inputs cannot reach 0.",
        origin="β 1e-4 is the paper's, for the generator",
    )


def _of_generators() -> Iterable[Component]:
    yield Component(
        kind="generator-penalty",
        name="none",
        summary="no penalty",
        target="ganzoo_losses.path_length:NoGeneratorPenalty",
    )
    yield Component(
        kind="generator-penalty",
        name="path-length",
        summary="squared distance of the length of steps in data, for a step in noise, from its moving average",
        target="ganzoo_losses.path_length:PathLength",
        config=configs.PathLengthConfig,
        source="Karras et al. 2020, arXiv 1912.04958, equation 4",
        equation="λ (‖Jᵀy‖ − a)², with the Jacobian J of G at z, y ~ N(0, I) / √pixels, and the moving average a",
        strengths="A step in noise makes a step of one size in the picture, wherever it is: smooth generators, which "
        "can be inverted.",
        pitfalls="Not with batch norm in the generator. It costs a second backward pass. The first updates pull the "
        "length to 0, as the average begins there. Not for separate modes: G must stretch between them.",
        origin="weight 2, every 4 steps and decay 0.99 are of the paper; there the noise is that after the mapping",
    )
    yield Component(
        kind="generator-penalty",
        name="orthogonal",
        summary="similarity of the rows of the generator's weights",
        target="ganzoo_losses.weights:GeneratorOrthogonal",
        config=configs.OrthogonalConfig,
        source="Brock et al. 2019, arXiv 1809.11096, equation 3",
        equation="β ‖W Wᵀ ⊙ (1 − I)‖² of each layer, with a row of W for each output",
        strengths="Generators tolerate a truncated latent.",
        pitfalls="A layer with more outputs than inputs cannot reach 0.",
        origin="β 1e-4 is the paper's",
    )
