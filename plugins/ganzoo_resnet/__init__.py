"""Residual networks, with self-attention where wanted, and the GANs made of them: SNGAN, SAGAN, BigGAN, ReACGAN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganzoo.plugin import Component, Need, Variant, hookimpl
from ganzoo_resnet import configs

SNGAN = "Miyato et al. 2018, arXiv 1802.05957; Miyato & Koyama 2018, arXiv 1802.05637"
SAGAN = "Zhang et al. 2019, arXiv 1805.08318"
BIGGAN = "Brock et al. 2019, arXiv 1809.11096"
REACGAN = "Kang et al. 2021, arXiv 2111.01118"


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the networks of this plugin."""
    images = (Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images"),)
    yield Component(
        kind="generator",
        name="resnet",
        summary="residual blocks that double the sides, with self-attention where wanted; for images of any size",
        target="ganzoo_resnet.networks:ResNetGenerator",
        config=configs.ResNetGeneratorConfig,
        requires=images,
        provides=("site:input-vector", "site:block", "site:block-map", "site:norm", "site:noise"),
        source=f"{SNGAN}; {SAGAN}; {BIGGAN}",
        equation="z → linear C×H/2ⁿ×W/2ⁿ → n blocks: up(x) ∗ w + conv(ReLU(BN(conv(up(ReLU(BN(x))))))) → BN, ReLU, "
        "conv, tanh",
        strengths="Deep, and easy to train: each block adds to what the one before made.",
        pitfalls="Sides are rounded up at every halving and cropped, so any size works, and 2ⁿ · k wastes nothing.",
        origin="SNGAN's for CIFAR-10: three blocks of 256 channels",
    )
    yield Component(
        kind="discriminator",
        name="resnet",
        summary="residual blocks without norm, spectral weights, the sum over all places; for images of any size",
        target="ganzoo_resnet.networks:ResNetDiscriminator",
        config=configs.ResNetDiscriminatorConfig,
        requires=images,
        provides=("site:input-map", "site:head", "site:logit"),
        source=f"{SNGAN}; {SAGAN}; {BIGGAN}",
        equation="x → blocks: x + conv(ReLU(conv(ReLU(x)))), some halved → h = Σ ReLU(x) over places → ⟨w, h⟩",
        strengths="No batch norm, so it takes gradient penalties. Its features go with projection.",
        pitfalls="The features are sums, so they grow with the map: large images want more blocks that halve.",
        origin="SNGAN's for CIFAR-10: four blocks of 128 channels, of which two halve",
    )


# Small, for two cores; how good it gets in which time is not measured yet. The four variants share it.
PARTS = {
    "generator": "resnet",
    "discriminator": "resnet",
    "generator-conditioner": "conditional-batch-norm",
    "loss": "hinge",
    "schedule": "linear",
}
SMALL: Mapping[str, Any] = {
    "latent.size": 64,
    "generator.widths": (48, 48, 48),
    "discriminator.widths": (48, 48, 48, 48),
    "generator-optimizer.lr": 4e-4,
    "discriminator-optimizer.lr": 8e-4,
    "optimizer.betas": (0.0, 0.9),
    "run.steps": 2000,
}
# What BigGAN and ReACGAN share beside that: small, and as published for CIFAR-10.
BIG_SMALL: Mapping[str, Any] = {
    **SMALL,
    "generator.weights": "spectral",
    "generator-conditioner.deviation": 0.02,
    "discriminator.output_bias": True,
    "initialiser.norm_deviation": 0.0,
}
BIG: Mapping[str, Any] = {
    "dataset": "cifar10",
    "latent.size": 128,
    "generator.widths": (256, 256, 256),
    "discriminator.widths": (256, 256, 256, 256),
    "generator-optimizer.lr": 2e-4,
    "discriminator-optimizer.lr": 2e-4,
    "optimizer.betas": (0.0, 0.999),
    "schedule": "constant",
    "run.ema": 0.9999,
}
LABELS = "For data without labels, add --conditioner none."


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        name="sngan",
        summary="a residual GAN with spectral normalisation, class-conditional batch norm and a projection",
        recipe="adversarial",
        parts={**PARTS, "discriminator-conditioner": "projection"},
        overrides=SMALL,
        published={
            "dataset": "cifar10",
            "latent.size": 128,
            "generator.widths": (256, 256, 256),
            "generator.norm_eps": 2e-5,
            "discriminator.widths": (128, 128, 128, 128),
            "discriminator-conditioner.weights": "spectral",
            "discriminator-conditioner.deviation": 1.36,
            "recipe.discriminator_updates": 5,
            "recipe.generator_fakes": 2,
            "generator-optimizer.lr": 2e-4,
            "discriminator-optimizer.lr": 2e-4,
            "schedule.start": 0.0,
            "run.steps": 50_000,
            "run.ema": 0.0,
        },
        source=SNGAN,
        figures="CIFAR-10: FID 17.5 with classes, 21.7 without",
        strengths="Stable without a gradient penalty, and cheap: one matrix-vector product for each layer.",
        pitfalls=f"{LABELS} The published embedding of the projection is uniform, ours is normal and as wide.",
    )
    yield Variant(
        name="sagan",
        summary="a residual GAN with self-attention in both networks, and spectral normalisation in both",
        recipe="adversarial",
        parts={**PARTS, "discriminator-conditioner": "projection"},
        overrides={
            **SMALL,
            "generator.attention": 2,
            "generator.weights": "spectral",
            "discriminator.attention": 1,
        },
        published={
            "dataset": "cifar10",
            "latent.size": 128,
            "generator.widths": (256, 256, 256),
            "generator.norm_momentum": 0.001,
            "discriminator.widths": (128, 128, 128, 128),
            "discriminator-conditioner.weights": "spectral",
            "discriminator-conditioner.deviation": 1.36,
            "generator-optimizer.lr": 1e-4,
            "discriminator-optimizer.lr": 4e-4,
            "schedule": "constant",
            "run.batch_size": 256,
            "run.steps": 100_000,
            "run.ema": 0.0,
        },
        source=SAGAN,
        figures="ImageNet 128×128: FID 18.65; CIFAR-10 by others: 9.4 to 14",
        strengths="Distant places of an image can agree: both eyes, both ends of a bridge.",
        pitfalls=f"{LABELS} Published for 128 pixels; at 32 the generator attends at 16×16 and the discriminator too.",
    )
    yield Variant(
        name="biggan",
        summary="BigGAN for small images: spectral weights in both networks, conditional batch norm, a projection",
        recipe="adversarial",
        parts={**PARTS, "discriminator-conditioner": "projection", "initialiser": "normal"},
        overrides={**BIG_SMALL, "discriminator-conditioner.deviation": 0.32},
        published={
            **BIG,
            "discriminator-conditioner.weights": "spectral",
            "recipe.discriminator_updates": 4,
            "run.batch_size": 50,
            "run.steps": 125_000,
        },
        source=BIGGAN,
        figures="CIFAR-10: FID 14.73 in the paper; 8.0 to 9.8 by public code",
        strengths="Of the residual GANs with a projection the one that others measured as the best.",
        pitfalls=f"{LABELS} For 32 pixels BigGAN has no attention, no shared embedding and no noise in its blocks.",
    )
    yield Variant(
        name="reacgan",
        summary="BigGAN's networks with a data-to-data cross-entropy in place of the projection",
        recipe="adversarial",
        parts={**PARTS, "initialiser": "normal", "head": "d2d-ce"},
        overrides={**BIG_SMALL, "head.size": 64},
        published={
            **BIG,
            "head.size": 512,
            "latent.size": 80,
            "generator.widths": (384, 384, 384),
            "generator.attention": 2,
            "discriminator.widths": (384, 384, 384, 384),
            "discriminator.attention": 1,
            "generator-optimizer.lr": 2.83e-4,
            "discriminator-optimizer.lr": 2.83e-4,
            "optimizer.betas": (0.5, 0.999),
            "recipe.discriminator_updates": 5,
            "run.batch_size": 128,
            "run.steps": 100_000,
        },
        source=REACGAN,
        figures="CIFAR-10: FID 3.87 in a longer training of others",
        strengths="Stable with many classes, where a classifier (acgan) collapses.",
        pitfalls="Needs classes, and batches that hold several of each. The batch is not divided.",
    )
