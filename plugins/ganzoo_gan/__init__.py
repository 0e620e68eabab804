"""The adversarial recipe, fully connected networks, and the two unconditional GANs made of them."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Slot, Variant, hookimpl, phase_slots
from ganzoo_gan import configs

PAPER = "Goodfellow et al. 2014, arXiv 1406.2661"


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield Component(
        "recipe",
        "adversarial",
        "one generator against one discriminator",
        "ganzoo_gan.recipe:Adversarial",
        configs.AdversarialConfig,
        source=PAPER,
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("generator", "generator", "mlp"),
            Slot("discriminator", "discriminator", "mlp"),
            Slot("generator-conditioner", "conditioner", "none", of="generator"),
            Slot(
                "discriminator-conditioner",
                "conditioner",
                "none",
                of="discriminator",
                paired="generator-conditioner",
            ),
            Slot("generator-initialiser", "initialiser", "default", of="generator"),
            Slot("discriminator-initialiser", "initialiser", "default", of="discriminator"),
            Slot("loss", "loss", "bce"),
            Slot("penalty", "penalty", "none"),
            *phase_slots("discriminator", "adam", "constant"),
            *phase_slots("generator", "adam", "constant"),
        ),
        phases=("discriminator", "generator"),
    )
    yield Component(
        "generator",
        "mlp",
        "fully connected layers, for images of any size and for points",
        "ganzoo_gan.mlp:MLPGenerator",
        configs.MLPGeneratorConfig,
        provides=("site:input-vector", "site:block"),
        source=PAPER,
    )
    yield Component(
        "discriminator",
        "mlp",
        "fully connected layers, for images of any size and for points",
        "ganzoo_gan.mlp:MLPDiscriminator",
        configs.MLPDiscriminatorConfig,
        provides=("site:input-vector", "site:block", "site:head"),
        source=PAPER,
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        "gan-minimal",
        "the smallest GAN: one hidden layer each, uniform noise, two generator steps for one of the discriminator",
        recipe="adversarial",
        parts={"latent": "uniform", "initialiser": "xavier"},
        overrides={
            "latent.size": 100,
            "generator.widths": (128,),
            "generator.slope": 0.0,
            "generator.norm": False,
            "generator.output": "sigmoid",
            "discriminator.widths": (128,),
            "discriminator.slope": 0.0,
            "initialiser.bias": 0.1,
            "recipe.generator_updates": 2,
            "optimizer.lr": 2e-4,
            "optimizer.betas": (0.5, 0.999),
            "run.steps": 20000,
            "run.batch_size": 64,
        },
        published={"dataset": "mnist", "optimizer.betas": (0.9, 0.999), "run.ema": 0.0},
        source=PAPER,
    )
    yield Variant(
        "gan",
        "a GAN of fully connected layers with batch norm in the generator",
        recipe="adversarial",
        overrides={
            "latent.size": 100,
            "generator.widths": (128, 256, 512, 1024),
            "discriminator.widths": (512, 256),
            "optimizer.lr": 2e-4,
            "optimizer.betas": (0.5, 0.999),
            "run.batch_size": 64,
        },
        published={"dataset": "mnist", "run.epochs": 200, "run.ema": 0.0},
        source=PAPER,
    )
