"""Deep convolutional GANs: networks for any size from 8 to 256, and the variant made of them."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Variant, hookimpl
from ganzoo_dcgan import configs

PAPER = "Radford et al. 2016, arXiv 1511.06434"


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    images = (Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images"),)
    yield Component(
        "generator", "dcgan", "transposed convolutions that double the size, for square images of 8 to 256",
        "ganzoo_dcgan.networks:DCGANGenerator", configs.DCGANConfig, images,
        ("site:input-vector", "site:block"), PAPER,
    )  # fmt: skip
    yield Component(
        "discriminator", "dcgan", "convolutions that halve the size, for square images of 8 to 256",
        "ganzoo_dcgan.networks:DCGANDiscriminator", configs.DCGANDiscriminatorConfig, images,
        ("site:input-map", "site:block", "site:head"), PAPER,
    )  # fmt: skip


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        "dcgan",
        "a deep convolutional GAN, for grey or colour images of any size from 8 to 256",
        recipe="adversarial",
        parts={"generator": "dcgan", "discriminator": "dcgan", "initialiser": "normal", "schedule": "step"},
        overrides={
            "latent.size": 100,
            "initialiser.deviation": 0.02,
            "loss.real_target": 0.9,
            "optimizer.lr": 2e-4,
            "optimizer.betas": (0.5, 0.999),
            "schedule.every": 0.4,
            "schedule.factor": 0.1,
            "run.batch_size": 64,
        },
        published={
            "dataset": "folder",
            "dataset.size": 64,
            "dataset.labels": "none",
            "generator.width": 128,
            "discriminator.width": 128,
            "run.epochs": 20,
            "run.ema": 0.0,
        },
        source=PAPER,
    )
