"""The declarations of the variants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganzoo.plugin import Combination, Variant

# One pair of small convolutional networks for those that differ from each other by their loss or pack alone.
CONVOLUTIONS: Mapping[str, str] = {"generator": "doubling", "discriminator": "halving"}
COMMON: Mapping[str, Any] = {
    "generator.widths": (16, 32, 64),
    "generator.norm": True,
    "discriminator.widths": (16, 32, 64),
    "discriminator.norm": True,
    "optimizer.lr": 7e-4,
    "optimizer.betas": (0.5, 0.99),
    "schedule.start": 0.3,
    "run.steps": 4000,
}
# Fully connected networks without dropout, for penalties of gradients.
PLAIN: Mapping[str, Any] = {
    "generator.widths": (256, 512),
    "generator.norm_first": True,
    "optimizer.lr": 5e-4,
    "schedule.start": 0.3,
}

# Networks of images take no points.
POINTS = Combination(
    when={"dataset": ("ring", "grid")},
    defaults={"generator": "mlp", "discriminator": "mlp"},
)


def of_losses() -> Iterable[Variant]:
    """Return GANs that differ by their loss."""
    yield Variant(
        name="lsgan",
        summary="a GAN with least squares: the discriminator's scores are drawn to 1 and 0",
        recipe="adversarial",
        parts={**CONVOLUTIONS, "loss": "lsgan", "schedule": "linear"},
        overrides={**COMMON, "recipe.discriminator_weight": 0.5},
        combinations=(POINTS,),
        published={
            "dataset": "folder",
            "dataset.labels": "none",
            "generator": "dcgan",
            "discriminator": "dcgan",
            "initialiser": "normal",
            "schedule": "constant",
            "optimizer.lr": 2e-4,
            "optimizer.betas": (0.5, 0.999),
            "run.epochs": 20,
            "run.ema": 0.0,
        },
        source="Mao et al. 2017, arXiv 1611.04076, equation 9",
        figures="CIFAR-10: FID 40.2 (PyTorch-StudioGAN); MNIST: best FID 7.8 ± 0.6 (Lucic et al. 2018)",
        strengths="Steady: a fake that is far on the right side of the decision still has a gradient.",
        pitfalls="It loses modes as bce does. The paper has ½ before the generator's loss too, which Adam divides out.",
    )
    yield Variant(
        name="fgan",
        summary="a GAN that minimises an f-divergence of your choice: --loss-divergence kl and seven others",
        recipe="adversarial",
        parts={"loss": "fgan", "penalty": "r1", "schedule": "linear"},
        overrides={**PLAIN, "penalty.gamma": 0.1, "run.steps": 8000},
        published={
            "dataset": "mnist",
            "latent": "uniform",
            "penalty": "none",
            "schedule": "constant",
            "generator.widths": (1200, 1200),
            "generator.slope": 0.0,
            "generator.output": "sigmoid",
            "generator-initialiser": "normal",
            "generator-initialiser.deviation": 0.05,
            "discriminator.widths": (240, 240),
            "discriminator.activation": "elu",
            "discriminator-initialiser": "normal",
            "discriminator-initialiser.deviation": 0.005,
            "optimizer.lr": 2e-4,
            "run.batch_size": 4096,
            "run.ema": 0.0,
        },
        source="Nowozin et al. 2016, arXiv 1606.00709",
        figures="MNIST, kernel density estimate in nats: KL 416, reverse KL 319, Pearson 429, Jensen-Shannon 367, GAN "
        "305, training images 502, by a protocol of its own",
        strengths="Chooses what a generator that cannot fit everything does: kl covers modes, reverse-kl prefers few.",
        pitfalls="Steep divergences need their penalty; the published settings have none, and kl collapses in many "
        "ports.",
    )
    yield Variant(
        name="ragan",
        summary="a relativistic average GAN: each score is compared with the mean score of the other kind",
        recipe="adversarial",
        parts={**CONVOLUTIONS, "loss": "ragan", "schedule": "linear"},
        overrides={**COMMON},
        combinations=(POINTS,),
        published={
            "dataset": "cifar10",
            "generator": "dcgan",
            "discriminator": "dcgan",
            "discriminator.weights": "spectral",
            "discriminator.norm": False,
            "schedule": "constant",
            "optimizer.lr": 2e-4,
            "optimizer.betas": (0.5, 0.999),
            "run.batch_size": 32,
            "run.steps": 100_000,
            "run.ema": 0.0,
        },
        source="Jolicoeur-Martineau 2018, arXiv 1807.00734",
        strengths="The generator also learns from real examples, which must become less real than fakes.",
        pitfalls="The means need the whole batch: no --accumulate, one process. The other two forms of the paper are "
        "--loss-form least-squares and hinge.",
    )
    yield Variant(
        name="dragan",
        summary="a GAN whose discriminator has gradients of norm 1 around real examples",
        recipe="adversarial",
        parts={"penalty": "dragan", "schedule": "linear"},
        overrides={**PLAIN, "run.steps": 8000},
        published={
            "dataset": "mnist",
            "schedule": "constant",
            "generator.widths": (128,),
            "generator.slope": 0.0,
            "generator.norm": False,
            "generator.output": "sigmoid",
            "discriminator.widths": (128,),
            "discriminator.slope": 0.0,
            "initialiser": "xavier",
            "optimizer.lr": 1e-4,
            "optimizer.betas": (0.5, 0.9),
            "run.steps": 20_000,
            "run.ema": 0.0,
        },
        source="Kodali et al. 2017, arXiv 1705.07215, and the authors' notebook for MNIST",
        figures="MNIST: best FID 7.6 ± 0.4 (Lucic et al. 2018)",
        strengths="Acts on any loss, asks for nothing far from the data, and needs no fakes.",
        pitfalls="The noise must suit the data. The authors' noise is never negative and follows the deviation of the "
        "batch; here it is normal, as in the paper's equation.",
    )


def of_critics() -> Iterable[Variant]:
    """Return the Wasserstein GANs."""
    yield Variant(
        name="wgan",
        summary="a Wasserstein GAN: a critic with clipped weights, several updates of it a step",
        recipe="adversarial",
        parts={"loss": "wasserstein", "penalty": "clipping", "optimizer": "rmsprop"},
        overrides={
            "generator.widths": (256, 512),
            "generator.norm_first": True,
            "discriminator.widths": (256, 256),
            "penalty.limit": 0.03,
            "recipe.discriminator_updates": 5,
            "generator-optimizer.lr": 2e-4,
            "discriminator-optimizer.lr": 2e-4,
            "run.steps": 6000,
        },
        published={
            "dataset": "folder",
            "dataset.labels": "none",
            "generator": "dcgan",
            "discriminator": "dcgan",
            "initialiser": "normal",
            "penalty.limit": 0.01,
            "recipe.thorough_updates": 100,
            "optimizer.lr": 5e-5,
            "run.epochs": 25,
            "run.ema": 0.0,
        },
        source="Arjovsky et al. 2017, arXiv 1701.07875, and the authors' code",
        figures="MNIST: best FID 6.7 ± 0.4; CIFAR-10: 55.2 ± 2.3 (Lucic et al. 2018)",
        strengths="The discriminator's loss, with a minus, estimates a distance, and falls as examples get better.",
        pitfalls="Clipping makes simple critics and slow trainings: wgan-gp is better. Momentum makes it unstable.",
    )
    yield Variant(
        name="wgan-gp",
        summary="a Wasserstein GAN whose critic has gradients of norm 1 between real and fake examples",
        recipe="adversarial",
        parts={
            "generator": "doubling",
            "discriminator": "halving",
            "loss": "wasserstein",
            "penalty": "wgan-gp",
            "schedule": "linear",
        },
        overrides={
            "generator.widths": (16, 32, 64),
            "discriminator.widths": (16, 32, 64),
            "recipe.discriminator_updates": 2,
            "optimizer.lr": 5e-4,
            "optimizer.betas": (0.0, 0.9),
            "schedule.start": 0.3,
            "run.steps": 4000,
        },
        published={
            "dataset": "mnist",
            "schedule": "constant",
            "latent.size": 128,
            "generator.widths": (64, 128, 256),
            "generator.output": "sigmoid",
            "discriminator.widths": (64, 128, 256),
            "recipe.discriminator_updates": 5,
            "optimizer.lr": 1e-4,
            "optimizer.betas": (0.5, 0.9),
            "run.batch_size": 50,
            "run.steps": 200_000,
            "run.ema": 0.0,
        },
        source="Gulrajani et al. 2017, arXiv 1704.00028, and the authors' code for MNIST",
        figures="MNIST: best FID 20.3 ± 5.0 (Lucic et al. 2018); StackedMNIST: 959 modes, KL 0.73",
        strengths="Trains for a long time with any network that has no batch norm, and does not collapse.",
        pitfalls="Several critic updates and second derivatives: each step costs about five times that of a GAN.",
    )


def against_collapse() -> Iterable[Variant]:
    """Return the GANs that were made to keep all modes."""
    yield Variant(
        name="pacgan",
        summary="a GAN whose discriminator scores packs of two examples, so that it sees a lack of variety",
        recipe="adversarial",
        parts={**CONVOLUTIONS, "schedule": "linear"},
        overrides={**COMMON, "discriminator.pack": 2},
        combinations=(POINTS,),
        published={
            "dataset": "grid",
            "dataset.count": 100_000,
            "latent.size": 2,
            "generator": "mlp",
            "generator.norm_first": True,
            "discriminator": "maxout",
            "discriminator.widths": (200, 200, 200),
            "discriminator.later_pieces": 5,
            "discriminator.pack": 2,
            "generator.widths": (400, 400, 400, 400),
            "generator.slope": 0.0,
            "initialiser": "normal",
            "schedule": "constant",
            "optimizer.lr": 1e-4,
            "optimizer.betas": (0.8, 0.999),
            "run.batch_size": 200,
            "run.epochs": 800,
            "run.ema": 0.0,
        },
        source="Lin et al. 2018, arXiv 1712.04086, and the authors' code for points",
        figures="grid: 23.8 ± 0.7 modes, 91.3 % of high quality, reverse KL 0.13; StackedMNIST: 1,000 modes, KL 0.06",
        strengths="One change of the first layer, and any loss goes with it.",
        pitfalls="The batch is a multiple of the pack, and only half as many packs as examples teach the "
        "discriminator. Batches here count examples: 200 are the published 100 packs, and 800 epochs its 400.",
    )
    yield Variant(
        name="unrolled",
        summary="a GAN whose generator foresees five updates of the discriminator",
        recipe="unrolled",
        overrides={
            "generator.widths": (256, 256),
            "generator.norm_first": True,
            "discriminator.widths": (128, 128),
            "recipe.unrolled": 3,
            "recipe.lr": 1e-4,
            "discriminator-optimizer.lr": 1e-4,
            "generator-optimizer.lr": 1e-3,
        },
        published={
            "dataset": "ring",
            "dataset.radius": 1.0,
            "dataset.std": 0.01,
            "latent.size": 256,
            "generator.widths": (128, 128),
            "generator.activation": "tanh",
            "generator.norm": False,
            "discriminator.activation": "tanh",
            "initialiser": "orthogonal",
            "initialiser.gain": 1.4,
            "recipe.unrolled": 5,
            "run.batch_size": 512,
            "run.steps": 25_000,
            "run.ema": 0.0,
        },
        source="Metz et al. 2017, arXiv 1611.02163, and the authors' notebook",
        figures="ring: all 8 modes where the saddle loss without it has 1; StackedMNIST with a crippled discriminator "
        "of ½: 817 modes with 10 updates",
        strengths="Keeps modes without another network or a penalty.",
        pitfalls="A step costs several times that of a GAN. The generator plays minimax.",
    )
    yield Variant(
        name="veegan",
        summary="a GAN with a network that reconstructs the noise of examples, so that none is left out",
        recipe="veegan",
        overrides={
            "latent.size": 64,
            "generator.widths": (256, 256),
            "generator.norm_first": True,
            "recipe.reconstructor_widths": (256, 256),
            "recipe.discriminator_widths": (256, 256),
            "recipe.reconstruction": 0.1,
            "optimizer.lr": 5e-4,
            "run.steps": 8000,
        },
        published={
            "dataset": "grid",
            "latent.size": 254,
            "generator.widths": (128, 128),
            "generator.slope": 0.0,
            "generator.norm": False,
            "recipe.reconstructor_widths": (128, 128),
            "recipe.discriminator_widths": (128,),
            "recipe.reconstruction": 1.0,
            "optimizer.lr": 1e-3,
            "run.batch_size": 500,
            "run.steps": 100_000,
            "run.ema": 0.0,
        },
        source="Srivastava et al. 2017, arXiv 1705.07761, and the authors' example",
        figures="ring: 8 modes, 52.9 % of high quality; grid: 24.6 modes, 40 %; StackedMNIST: 150 modes, KL 2.95",
        strengths="Tells from noise that nobody draws that a mode is missing, and can encode real examples.",
        pitfalls="Few of its points are of high quality, as it prefers to cover.",
    )


def with_maxout() -> Iterable[Variant]:
    """Return the first conditional GAN."""
    yield Variant(
        name="cgan-original",
        summary="the first conditional GAN: maxout discriminator, one-hot classes, uniform noise",
        recipe="adversarial",
        parts={
            "latent": "uniform",
            "generator": "joint",
            "discriminator": "maxout",
            "conditioner": "one-hot",
            "schedule": "linear",
        },
        overrides={
            "generator.condition_width": 200,
            "generator.width": 600,
            "discriminator.widths": (120, 120),
            "discriminator.pieces": 3,
            "discriminator.later_pieces": 3,
            "discriminator.dropout": 0.3,
            "optimizer.lr": 5e-4,
            "schedule.start": 0.3,
            "run.steps": 10_000,
        },
        published={
            "dataset": "mnist",
            "generator.condition_width": 1000,
            "generator.width": 1200,
            "generator.dropout": 0.5,
            "generator.output": "sigmoid",
            "generator-initialiser": "uniform",
            "discriminator.widths": (240, 240),
            "discriminator.pieces": 5,
            "discriminator.later_pieces": 4,
            "discriminator.dropout": 0.5,
            "discriminator-initialiser": "uniform",
            "discriminator-initialiser.limit": 0.005,
            "optimizer": "sgd-rising",
            "optimizer.lr": 0.1,
            "schedule": "exponential",
            "run.batch_size": 100,
            "run.steps": 300_000,
            "run.ema": 0.0,
        },
        source="Mirza & Osindero 2014, arXiv 1411.1784; initial weights and the generator's loss as in the code of the "
        "first GAN",
        figures="MNIST, Parzen window: 132 ± 1.8 nats",
        strengths="The beginning of all conditional GANs, in a form that trains in minutes.",
        pitfalls="The paper's equation is minimax; its code, and the default here, have the loss that does not "
        "saturate (--loss saturating for the other). The paper stops by the likelihood of validation images, the run "
        "here by steps.",
    )
