"""A third party's plugin for ganzoo: a dataset, a conditioner and a GAN that uses both."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Variant, hookimpl
from ganzoo_spirals.configs import GateConfig, SpiralsConfig


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield Component(
        kind="dataset",
        name="spirals",
        summary="drawn spirals, grey; the class is the number of arms",
        target="ganzoo_spirals.spirals:SpiralsDataset",
        config=SpiralsConfig,
    )
    yield Component(
        kind="conditioner",
        name="gate",
        summary="open and shut the channels of every block, for each condition in its own way",
        target="ganzoo_spirals.gate:Gate",
        config=GateConfig,
        requires=(
            Need(("condition",), "use data with labels, or --conditioner none"),
            Need(("site:block",), "use a network that conditions its blocks, such as mlp or dcgan"),
        ),
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        name="spiral-gan",
        summary="a small convolutional GAN that draws spirals with as many arms as it is told",
        recipe="adversarial",
        parts={
            "dataset": "spirals",
            "generator": "dcgan",
            "discriminator": "dcgan",
            "conditioner": "gate",
            "loss": "hinge",
        },
        overrides={
            "latent.size": 32,
            "generator.width": 24,
            "discriminator.width": 24,
            "optimizer.lr": 5e-4,
            "run.steps": 1500,
            "run.ema": 0.99,
        },
    )
