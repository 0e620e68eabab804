"""The deep convolutional GAN (DCGAN): its networks, for images of 8 to 256 pixels, and the variant."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Combination, Component, Need, Variant, hookimpl
from ganzoo_dcgan import configs

# Data of a few simple classes, for which narrow networks and few steps are enough.
SIMPLE = ("digits", "mnist", "fashion-mnist", "kmnist")
PAPER = "Radford et al. 2016, arXiv 1511.06434"


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    images = (Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images"),)
    yield Component(
        kind="generator",
        name="dcgan",
        summary="transposed convolutions that double the size; for images of 8 to 256 pixels",
        target="ganzoo_dcgan.networks:DCGANGenerator",
        config=configs.DCGANConfig,
        requires=images,
        provides=("site:input-vector", "site:block", "site:block-map", "site:norm", "site:noise"),
        source=PAPER,
    )
    yield Component(
        kind="discriminator",
        name="dcgan",
        summary="convolutions that halve the size; for images of 8 to 256 pixels",
        target="ganzoo_dcgan.networks:DCGANDiscriminator",
        config=configs.DCGANDiscriminatorConfig,
        requires=images,
        provides=("site:input-map", "site:block", "site:block-map", "site:norm", "site:head", "site:logit"),
        source=PAPER,
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        name="dcgan",
        summary="a deep convolutional GAN, for grey or colour images of 8 to 256 pixels",
        recipe="adversarial",
        parts={"generator": "dcgan", "discriminator": "dcgan", "initialiser": "normal", "schedule": "step"},
        overrides={
            "loss.real_target": 0.9,
        },
        published={
            "dataset": "folder",
            "dataset.labels": "none",
            "generator.width": 128,
            "discriminator.width": 128,
            "run.epochs": 20,
            "run.ema": 0.0,
        },
        combinations=(
            Combination(
                when={"conditioner": "*"},
                defaults={
                    "schedule": "linear",
                    "schedule.start": 0.3,
                    "loss.real_target": 1.0,
                    "recipe.discriminator_weight": 0.5,
                    "recipe.fake_conditions": "data",
                    "recipe.shared_fakes": True,
                    "recipe.mismatched": 0.3,
                    "optimizer.lr": 5e-4,
                    "optimizer.betas": (0.5, 0.99),
                    "run.ema": 0.999,
                },
            ),
            Combination(
                when={"conditioner": "*", "dataset": SIMPLE},
                defaults={"generator.width": 32, "discriminator.width": 32, "run.steps": 2600},
            ),
            Combination(
                when={"conditioner": "concat"},
                defaults={
                    "generator-conditioner.deviation": 0.6,
                    "discriminator-conditioner.deviation": 2.0,
                    "recipe.mismatched": 0.1,
                },
            ),
            Combination(
                when={"conditioner": "add"},
                defaults={
                    "generator-conditioner.deviation": 0.25,
                    "discriminator-conditioner.deviation": 0.5,
                    "recipe.mismatched": 0.15,
                },
            ),
            Combination(when={"conditioner": "multiply"}, defaults={"latent.highest": 1.6}),
            Combination(
                when={"generator-conditioner": "multiply", "discriminator-conditioner": "label-plane"},
                defaults={"optimizer.lr": 3e-4},
            ),
            Combination(
                when={"generator-conditioner": "conditional-batch-norm", "discriminator-conditioner": "projection"},
                defaults={"generator-conditioner.deviation": 0.3, "recipe.mismatched": 0.1},
            ),
        ),
        source=PAPER,
        strengths="The usual network for grey or colour images, with every conditioner.",
        pitfalls="Batch norm in the discriminator allows no gradient penalty: --no-discriminator-norm with one.",
    )
