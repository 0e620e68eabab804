"""The adversarial recipe, fully connected networks, and the two unconditional GANs made of them."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, Variant, hookimpl, phase_slots
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
        equation="x",
        strengths="For data without labels, and for a network beside a head that classifies.",
        pitfalls="Either both networks use the condition, or neither does.",
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
        provides=("site:input-vector", "site:block", "site:norm", "site:noise"),
        source=PAPER,
    )
    yield Component(
        kind="discriminator",
        name="mlp",
        summary="fully connected layers; for images of any size and for points",
        target="ganzoo_gan.mlp:MLPDiscriminator",
        config=configs.MLPDiscriminatorConfig,
        provides=("site:input-vector", "site:block", "site:head", "site:logit"),
        source=PAPER,
    )
    yield Component(
        kind="discriminator",
        name="autoencoder",
        summary="an auto-encoder of fully connected layers, for images of any size and for points",
        target="ganzoo_gan.autoencoder:DenseAutoencoder",
        config=configs.AutoencoderConfig,
        provides=("site:input-vector", "site:block", "site:head", "reconstruction"),
        source="Zhao et al. 2017, arXiv 1609.03126",
        equation="logit = −E(x), with the error E of the reconstruction, a mean over the numbers of x",
        strengths="What the losses ebgan and began need. Its features are the code.",
        pitfalls="Its logit is never above 0, so it belongs to losses of an energy.",
    )
    yield Component(
        kind="discriminator",
        name="autoencoder-conv",
        summary="an auto-encoder of convolutions, for images of any size",
        target="ganzoo_gan.autoencoder:ConvolutionalAutoencoder",
        config=configs.ConvolutionalAutoencoderConfig,
        requires=(Need(("data:image",), "use --discriminator autoencoder, or a dataset of images"),),
        provides=("site:input-map", "site:block", "site:head", "reconstruction"),
        source="Berthelot et al. 2017, arXiv 1703.10717, figure 1",
        equation="logit = −E(x), with the error E of the reconstruction, a mean over the pixels of x",
        strengths="What the losses ebgan and began need, for images. Its features are the code.",
        pitfalls="Its logit is never above 0, so it belongs to losses of an energy.",
        origin="a narrow form for processors; BEGAN has width 128, code 64 and two convolutions at each size",
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
        strengths="The least code that can be called a GAN: to read, to change, to break.",
        pitfalls="It needs many steps. Noise from 0 to 1 in place of -1 to 1 collapses it.",
    )
    yield Variant(
        name="gan",
        summary="a GAN of fully connected layers with batch norm in the generator",
        recipe="adversarial",
        published={"dataset": "mnist", "run.epochs": 200, "run.ema": 0.0},
        source=PAPER,
        strengths="For points and small images of any size; the base that losses and penalties are compared on.",
        pitfalls="It loses modes of points in the plane, and draws large images badly.",
    )
    yield Variant(
        name="ebgan",
        summary="an energy-based GAN: the discriminator is an auto-encoder, the logit minus its error",
        recipe="adversarial",
        parts={"discriminator": "autoencoder", "loss": "ebgan", "head": "pulling-away"},
        overrides={"loss.margin": 0.3, "optimizer.lr": 1e-3},
        published={"dataset": "mnist", "run.ema": 0.0},
        source="Zhao et al. 2017, arXiv 1609.03126",
        strengths="The discriminator learns from every pixel of a real example, not from one bit.",
        pitfalls="The margin should be somewhat larger than the error of real examples: D(x) shows that, with a minus.",
    )
    yield Variant(
        name="began",
        summary="a boundary equilibrium GAN: it balances the errors of an auto-encoder for real and fake examples",
        recipe="adversarial",
        parts={"discriminator": "autoencoder", "loss": "began", "latent": "uniform"},
        overrides={
            "discriminator.error": "absolute",
            "latent.size": 64,
            "loss.ratio": 0.9,
            "loss.rate": 0.02,
            "optimizer.lr": 4e-4,
        },
        published={
            "discriminator": "autoencoder-conv",
            "discriminator.width": 128,
            "discriminator.convolutions": 2,
            "loss.ratio": 0.5,
            "loss.rate": 0.001,
            "optimizer.lr": 1e-4,
            "run.batch_size": 16,
            "run.ema": 0.0,
        },
        source="Berthelot et al. 2017, arXiv 1703.10717",
        strengths="k balances both networks, and M, which falls, tells how far it has come; both are logged.",
        pitfalls="A small ratio gives clear examples of few kinds: with 0.5 it draws little but ones on MNIST. Lower "
        "the learning rate when M stalls.",
    )
