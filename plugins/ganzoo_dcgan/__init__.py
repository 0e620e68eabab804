"""The deep convolutional GAN (DCGAN): its networks, for images of 8 to 256 pixels, and the variant."""

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
        source=PAPER,
    )
