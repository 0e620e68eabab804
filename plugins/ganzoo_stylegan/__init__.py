"""StyleGAN2 and R3GAN: their networks, which filter when they resample, and the conditioner of their discriminators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ganzoo.plugin import Component, Need, Variant, hookimpl
from ganzoo_stylegan import configs

STYLEGAN2 = "Karras et al. 2020, arXiv 1912.04958"
ADA = "Karras et al. 2020, arXiv 2006.06676"
R3GAN = "Huang et al. 2024, arXiv 2501.05441"


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the networks and the conditioner of this plugin."""
    yield from _of_r3gan()
    yield from _of_stylegan2()
    yield Component(
        kind="conditioner",
        name="inner-product",
        summary="the logit is the inner product of the features and what is learnt of the condition",
        target="ganzoo_stylegan.conditioners:InnerProduct",
        config=configs.InnerProductConfig,
        requires=(
            Need(("condition:embedding",), "use --conditioner none, or data with labels"),
            Need(
                ("site:bare-logit",),
                "use --discriminator-conditioner projection, or --discriminator stylegan2 or r3gan, whose logit has no "
                "weights of its own",
            ),
        ),
        source=f"{ADA}, appendix D.1; {R3GAN}",
        equation="⟨f(y), φ(x)⟩ / √F, where f is an embedding, or an embedding and dense layers",
        strengths="Every bit of the logit depends on the condition. The published conditioner of both networks.",
        pitfalls="Give the discriminator several features (--discriminator-features 64): with one, classes differ by a "
        "factor only.",
        origin="no layers, as R3GAN has it; StyleGAN2-ADA has 8",
    )


IMAGES = (Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images"),)
OF_DISCRIMINATOR = ("site:input-map", "site:head", "site:logit", "site:bare-logit")


def _of_r3gan() -> Iterable[Component]:
    origin = "R3GAN's for CIFAR-10 and StackedMNIST: four stages of 768 channels and two blocks"
    yield Component(
        kind="generator",
        name="r3gan",
        summary="residual blocks of grouped convolutions without norm, filtered doubling; for images of any size",
        target="ganzoo_stylegan.r3gan:R3GANGenerator",
        config=configs.R3GANGeneratorConfig,
        requires=IMAGES,
        provides=("site:input-vector",),
        source=f"{R3GAN}, appendix D",
        equation="blocks x + conv₁(a(conv₃(a(conv₁ x)))), whose last weights begin as 0, between filtered doublings",
        strengths="No norm and no tricks: it keeps the variance by its initial weights.",
        pitfalls="It needs the penalties r1,r2 in the discriminator. Other initialisers undo the initial weights.",
        origin=origin,
    )
    yield Component(
        kind="discriminator",
        name="r3gan",
        summary="residual blocks of grouped convolutions without norm, filtered halving; for images of any size",
        target="ganzoo_stylegan.r3gan:R3GANDiscriminator",
        config=configs.R3GANDiscriminatorConfig,
        requires=IMAGES,
        provides=OF_DISCRIMINATOR,
        source=f"{R3GAN}, appendix D",
        equation="blocks as in the generator, between filtered halvings; then a weight for each place and channel",
        strengths="Takes gradient penalties, as nothing mixes examples.",
        pitfalls="Without r1 and r2 it diverges. Other initialisers undo the initial weights.",
        origin=origin,
    )


def _of_stylegan2() -> Iterable[Component]:
    yield Component(
        kind="generator",
        name="stylegan2",
        summary="a mapping network and modulated convolutions; the image is a sum over sizes; for images of any size",
        target="ganzoo_stylegan.stylegan2:StyleGAN2Generator",
        config=configs.StyleGAN2GeneratorConfig,
        requires=IMAGES,
        provides=("site:input-vector",),
        source=STYLEGAN2,
        equation="w = f(z / |z|); y = conv(s·x) / ‖s·weights‖ + noise, with the style s = A w; image = Σ up(RGBᵢ)",
        strengths="The noise reaches every layer through the style, so that features of all sizes are learnt apart.",
        pitfalls="Learning rates are those of equalised weights, 0.001 to 0.0025. No mixing of styles, no truncation.",
        origin="that of StyleGAN2-ADA for CIFAR-10: 512 channels everywhere, two mapping layers",
    )
    yield Component(
        kind="discriminator",
        name="stylegan2",
        summary="residual stages with filtered halving, then the deviation of the minibatch; for images of any size",
        target="ganzoo_stylegan.stylegan2:StyleGAN2Discriminator",
        config=configs.StyleGAN2DiscriminatorConfig,
        requires=IMAGES,
        provides=OF_DISCRIMINATOR,
        source=STYLEGAN2,
        equation="x → stages (conv(a(conv x)) + conv₁ x) / √2, halved → a channel with the group's deviation → logit",
        strengths="Sees whether the fakes of a group are all alike, which works against mode collapse.",
        pitfalls="The batch must be a multiple of the group. Learning rates are those of equalised weights.",
        origin="group 4 of StyleGAN2; that of CIFAR-10 has group 32 and no way around its stages",
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    both = {"generator-conditioner": "concat", "discriminator-conditioner": "inner-product"}
    yield Variant(
        name="r3gan",
        summary="the modern baseline: relativistic pairing with R1 and R2, residual networks without any norm",
        recipe="adversarial",
        parts={
            "generator": "r3gan",
            "discriminator": "r3gan",
            **both,
            "loss": "rpgan",
            "penalty": "r1,r2",
            "schedule": "cosine",
        },
        overrides={
            "latent.size": 64,
            "generator.widths": (64, 48, 32),
            "discriminator.widths": (64, 48, 32),
            "discriminator.features": 32,
            "penalty.final_gamma": 0.1,
            "penalty.burn_in": 0.5,
            "schedule.end": 0.25,
            "optimizer.lr": 5e-4,
            "optimizer.betas": (0.0, 0.99),
            "run.steps": 2000,
        },
        published=R3GAN_PUBLISHED,
        source=R3GAN,
        figures="CIFAR-10: FID 1.96; StackedMNIST: 1,000 modes, KL 0.029",
        strengths="Converges without tricks, and keeps all modes.",
        pitfalls="Needs both penalties at every step. The published β₂ rises from 0.9 to 0.99 in the burn-in, and the "
        "average's half-life from 0; here both have their last value. For data without labels, add --conditioner none.",
    )
    yield Variant(
        name="stylegan2-ada",
        summary="StyleGAN2 with augmentation that adapts itself, lazy R1, and the deviation of the minibatch",
        recipe="adversarial",
        parts={
            "generator": "stylegan2",
            "discriminator": "stylegan2",
            **both,
            "penalty": "r1",
            "augmentation": "ada",
        },
        overrides={
            "latent.size": 64,
            "generator.widths": (64, 64, 48, 32),
            "generator.style": 64,
            "generator-conditioner.normalised": True,
            "discriminator.widths": (64, 64, 48, 32),
            "discriminator.features": 32,
            "penalty.gamma": 0.1,
            "penalty.every": 16,
            "augmentation.blit": 0.0,
            "recipe.mismatched": 0.3,
            "optimizer.lr": 2e-3,
            "optimizer.betas": (0.0, 0.99),
            "run.steps": 2000,
        },
        published=STYLEGAN2_PUBLISHED,
        source=f"{ADA}; {STYLEGAN2}",
        figures="CIFAR-10: FID 2.42 with classes, 2.92 without",
        strengths="Of these GANs the best known one for a few thousand images.",
        pitfalls="Rotated and mirrored digits leak into samples where p nears 1. The filters of the augmentation are "
        "simpler than published. For data without labels, add --conditioner none.",
    )


R3GAN_PUBLISHED: Mapping[str, Any] = {
    "dataset": "cifar10",
    "generator.widths": (768, 768, 768, 768),
    "generator-conditioner.size": 64,
    "generator-conditioner.deviation": 0.316,
    "discriminator.widths": (768, 768, 768, 768),
    "discriminator.features": 64,
    "discriminator-conditioner.deviation": 0.316,
    "penalty.gamma": 0.05,
    "penalty.final_gamma": 0.005,
    "penalty.burn_in": 0.08,
    "augmentation": "ada",
    "augmentation.p": 0.55,
    "augmentation.target": None,
    "augmentation.burn_in": 0.08,
    "augmentation.colour": 0.5,
    "augmentation.cutout": 1.0,
    "schedule.until": 0.08,
    "optimizer.lr": 2e-4,
    "run.batch_size": 512,
    "run.steps": 488_281,
    "run.ema": 0.999929,
}

# Lazy R1 makes 17 updates in 16 steps, and the learning rate and β₂ of its network make up for that.
STYLEGAN2_PUBLISHED: Mapping[str, Any] = {
    "dataset": "cifar10",
    "latent.size": 512,
    "generator.widths": (512, 512, 512, 512),
    "generator.style": 512,
    "generator-conditioner.size": 512,
    "discriminator.widths": (512, 512, 512, 512),
    "discriminator.residual": False,
    "discriminator.group": 32,
    "discriminator.features": 512,
    "discriminator-conditioner.layers": 8,
    "penalty.gamma": 0.01,
    "augmentation.blit": 1.0,
    "recipe.mismatched": 0.0,
    "generator-optimizer.lr": 0.0025,
    "discriminator-optimizer.lr": 0.0025 * 16 / 17,
    "discriminator-optimizer.betas": (0.0, 0.99 ** (16 / 17)),
    "run.steps": 1_562_500,
    "run.ema": 0.999911,
}
