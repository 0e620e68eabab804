"""Loss functions, penalties of both networks, and constraints on their weights."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, hookimpl
from ganzoo_losses import configs
from ganzoo_losses.penalty_declarations import penalty_components


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    energy = (Need(("reconstruction",), "use --discriminator autoencoder"),)
    yield Component(
        kind="loss",
        name="bce",
        summary="binary cross-entropy, non-saturating; optional label smoothing",
        target="ganzoo_losses.losses:CrossEntropy",
        config=configs.CrossEntropyConfig,
        source="Goodfellow et al. 2014, arXiv 1406.2661, section 3; smoothing: Salimans et al. 2016, arXiv 1606.03498",
        equation="D: −log D(x) − log(1 − D(G(z))); G: −log D(G(z)); with D = σ(logit), so it is the logistic loss",
        strengths="The loss to begin with. Its generator learns also where the discriminator wins.",
        pitfalls="Without a penalty it circles round the equilibrium and may lose modes. Smooth the discriminator's "
        "targets only.",
        origin="targets 1 and 0 are the paper's; 0.9 for real examples is advised by Salimans et al. 2016",
    )
    yield Component(
        kind="loss",
        name="saturating",
        summary="the original minimax loss; the generator's gradient is small early in training",
        target="ganzoo_losses.losses:Saturating",
        source="Goodfellow et al. 2014, arXiv 1406.2661, equation 1",
        equation="D: −log D(x) − log(1 − D(G(z))); G: log(1 − D(G(z))); with D = σ(logit)",
        strengths="The game of the theory, for experiments: the generator minimises the Jensen-Shannon divergence.",
        pitfalls="The generator stops to learn where the discriminator wins, which it does early in training: use bce.",
    )
    yield Component(
        kind="loss",
        name="lsgan",
        summary="least squares: squared distance of the scores from 1 (real) and 0 (fake)",
        target="ganzoo_losses.losses:LeastSquares",
        source="Mao et al. 2017, arXiv 1611.04076",
        equation="D: (D(x) − 1)² + D(G(z))²; G: (D(G(z)) − 1)²; D is the logit",
        strengths="Its gradient does not vanish for examples that are far on the right side of the decision.",
        pitfalls="The paper has half of each term. Scores are no probabilities, and their threshold is 0.5.",
        origin="targets 0 and 1 are equation 9 of the paper",
    )
    yield Component(
        kind="loss",
        name="hinge",
        summary="hinge loss: the discriminator's scores count only up to a margin of 1",
        target="ganzoo_losses.losses:Hinge",
        source="Lim & Ye 2017, arXiv 1705.02894",
        equation="D: max(0, 1 − D(x)) + max(0, 1 + D(G(z))); G: −D(G(z)); D is the logit",
        strengths="The usual loss of large networks with spectral norm: SNGAN, SAGAN, BigGAN.",
        pitfalls="Without spectral norm or a penalty, scores grow without limit for the generator.",
    )
    yield Component(
        kind="loss",
        name="wasserstein",
        summary="difference of the mean scores; needs a gradient penalty such as wgan-gp, or clipped weights",
        target="ganzoo_losses.losses:Wasserstein",
        config=configs.WassersteinConfig,
        source="Arjovsky et al. 2017, arXiv 1701.07875",
        equation="D: D(G(z)) − D(x) + ε D(x)²; G: −D(G(z)); D is the logit",
        strengths="With a penalty, the discriminator may be trained to its optimum: its loss follows the quality of "
        "the examples.",
        pitfalls="Without a limit to the slope of the discriminator it diverges. Make several discriminator updates "
        "per step.",
        origin="no drift, as in the paper; 0.001 is that of progressive growing, Karras et al. 2018, arXiv 1710.10196",
    )
    yield Component(
        kind="loss",
        name="fgan",
        summary="an f-divergence of your choice, by its variational bound",
        target="ganzoo_losses.divergences:FGAN",
        config=configs.FGANConfig,
        source="Nowozin et al. 2016, arXiv 1606.00709, equation 2, section 3.2 and table 6",
        equation="D: f*(T(G(z))) − T(x); G: −T(G(z)), or with minimax −f*(T(G(z))); T = g(logit)",
        strengths="Chooses what a generator that cannot fit everything does: kl covers all modes, reverse-kl prefers "
        "few.",
        pitfalls="Every divergence needs a penalty such as r1. Reverse-kl, neyman and hellinger have steep gradients "
        "where the discriminator wins.",
        origin="kl is the first of the paper, and covers modes",
    )
    yield Component(
        kind="loss",
        name="ragan",
        summary="relativistic average: each score compared with the mean score of the other kind",
        target="ganzoo_losses.relativistic:RelativisticAverage",
        config=configs.RelativisticAverageConfig,
        source="Jolicoeur-Martineau 2018, arXiv 1807.00734",
        equation="D: h(D(x) − E D(G(z))) + h(E D(x) − D(G(z))); G: x and G(z) exchanged; h is softplus(−d), (d − 1)² "
        "or max(0, 1 − d)",
        strengths="The generator also learns from real examples, which must become less real than fakes.",
        pitfalls="The means need the whole batch: no --accumulate, one process. It costs a pass of real examples for "
        "the generator.",
        origin="the standard form is the paper's RaSGAN",
    )
    yield Component(
        kind="loss",
        name="rpgan",
        summary="relativistic pairing: each real example compared with one fake",
        target="ganzoo_losses.relativistic:RelativisticPairing",
        source="Jolicoeur-Martineau 2018, arXiv 1807.00734; with R1 and R2: Huang et al. 2024, arXiv 2501.05441",
        equation="D: softplus(D(G(z)) − D(x)); G: softplus(D(x) − D(G(z)))",
        strengths="With r1,r2 it converges locally and keeps all modes: the loss of R3GAN.",
        pitfalls="Alone it does not converge. Use it with --penalty r1,r2, without batch norm in the discriminator.",
    )
    yield Component(
        kind="loss",
        name="ebgan",
        summary="energy-based: an auto-encoder reconstructs real examples well, and fakes with an error of a margin",
        target="ganzoo_losses.energies:EBGAN",
        config=configs.EBGANConfig,
        requires=energy,
        source="Zhao et al. 2017, arXiv 1609.03126",
        equation="D: E(x) + max(0, m − E(G(z))); G: E(G(z)); E is the error of reconstruction, minus the logit",
        strengths="The discriminator learns from every pixel of a real example, not from one bit.",
        pitfalls="A margin that is too large lets the error of real examples grow; one that is too small teaches fakes "
        "nothing. --head pulling-away keeps fakes different.",
        origin="margin 1 is the mean squared error of a grey image in [-1, 1]; the paper's, 10 to 80, belong to sums",
    )
    yield Component(
        kind="loss",
        name="began",
        summary="boundary equilibrium: keeps the error of fakes at a share of that of real examples",
        target="ganzoo_losses.energies:BEGAN",
        config=configs.BEGANConfig,
        requires=energy,
        source="Berthelot et al. 2017, arXiv 1703.10717",
        equation="D: E(x) − k·E(G(z)); G: E(G(z)); k ← k + λ (γ E(x) − E(G(z))), within [0, 1]; M = E(x) + |γ E(x) − "
        "E(G(z))|",
        strengths="It balances both networks by itself, and M, which is logged, tells how far it has come.",
        pitfalls="A small ratio gives clear pictures of few kinds. Use the L1 error, and lower the learning rate when "
        "M stalls.",
        origin="γ 0.5 and λ 0.001 are the paper's",
    )
    yield Component(
        kind="head",
        name="pulling-away",
        summary="the generator's fakes keep different features; for ebgan, whose features are codes",
        target="ganzoo_losses.pulling_away:PullingAway",
        config=configs.PullingAwayConfig,
        source="Zhao et al. 2017, arXiv 1609.03126, section 2.4",
        equation="G: w/(B(B − 1)) Σ (sᵢ·sⱼ / ‖sᵢ‖‖sⱼ‖)² over i ≠ j, of the features s of the fakes of a batch",
        strengths="Works against mode collapse, without a further network.",
        pitfalls="It compares the whole batch: no --accumulate, one process. Its features are the code, never pixels.",
        origin="weight 0.1 is the paper's",
    )
    yield from penalty_components()
