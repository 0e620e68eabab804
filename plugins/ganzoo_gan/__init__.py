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
        kind="recipe",
        name="adversarial",
        summary="one generator against one discriminator",
        target="ganzoo_gan.recipe:Adversarial",
        config=configs.AdversarialConfig,
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
            Slot("head", "head", "none", of="discriminator", optional=True),
            Slot("generator-initialiser", "initialiser", "default", of="generator"),
            Slot("discriminator-initialiser", "initialiser", "default", of="discriminator"),
            Slot("loss", "loss", "bce"),
            Slot("augmentation", "augmentation", "none", optional=True),
            Slot("penalty", "penalty", "none", several=True),
            Slot("generator-penalty", "generator-penalty", "none", several=True, optional=True),
            *phase_slots("discriminator", "adam", "constant"),
            *phase_slots("generator", "adam", "constant"),
        ),
        phases=("discriminator", "generator"),
    )
    yield Component(
        kind="conditioner",
        name="none",
        summary="no condition",
        target="ganzoo.contract.conditioner:Unconditioned",
    )
    yield Component(
        kind="head",
        name="none",
        summary="no further outputs",
        target="ganzoo.contract.head:NoHead",
    )
    yield Component(
        kind="augmentation",
        name="none",
        summary="examples as they are",
        target="ganzoo.contract.augmentation:NoAugmentation",
    )
    yield Component(
        kind="generator",
        name="mlp",
        summary="fully connected layers; for images of any size and for points",
        target="ganzoo_gan.mlp:MLPGenerator",
        config=configs.MLPGeneratorConfig,
        provides=("site:input-vector", "site:block", "site:noise"),
        source=PAPER,
    )
    yield Component(
        kind="discriminator",
        name="mlp",
        summary="fully connected layers; for images of any size and for points",
        target="ganzoo_gan.mlp:MLPDiscriminator",
        config=configs.MLPDiscriminatorConfig,
        provides=("site:input-vector", "site:block", "site:head"),
        source=PAPER,
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        name="gan-minimal",
        summary="the smallest GAN: one hidden layer in each network, uniform noise, two generator updates per step",
        recipe="adversarial",
        parts={"latent": "uniform", "initialiser": "xavier"},
        overrides={
            "generator.widths": (128,),
            "generator.slope": 0.0,
            "generator.norm": False,
            "generator.output": "sigmoid",
            "discriminator.widths": (128,),
            "discriminator.slope": 0.0,
            "initialiser.bias": 0.1,
            "recipe.generator_updates": 2,
            "run.steps": 20000,
        },
        published={"dataset": "mnist", "optimizer.betas": (0.9, 0.999), "run.ema": 0.0},
        source=PAPER,
    )
    yield Variant(
        name="gan",
        summary="a GAN of fully connected layers with batch norm in the generator",
        recipe="adversarial",
        published={"dataset": "mnist", "run.epochs": 200, "run.ema": 0.0},
        source=PAPER,
    )
