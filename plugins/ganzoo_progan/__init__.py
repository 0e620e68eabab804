"""Progressive growing: networks that grow from small images to large ones, their recipe and variant."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Slot, Variant, hookimpl, phase_slots
from ganzoo_progan import configs

PAPER = "Karras et al. 2018, arXiv 1710.10196"
GROWING = Need(
    ("growing",),
    "use the variant progan, or --generator dcgan --discriminator dcgan; --recipe-fade-images 0 and "
    "--recipe-stage-images 0 leave growing out",
)
IMAGES = Need(("data:image",), "use --dataset shapes, or another dataset of images")


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the recipe and the networks of this plugin."""
    yield Component(
        kind="recipe",
        name="progressive",
        summary="one generator against one discriminator; both grow from small images to large ones",
        target="ganzoo_progan.recipe:Progressive",
        config=configs.ProgressiveConfig,
        requires=(IMAGES, Need(("grows",), "use --generator progressive --discriminator progressive")),
        provides=("growing",),
        source=PAPER,
        equation="image = (1 − α) · up(image of the stage before) + α · image of the stage, α by the number of images",
        strengths="Most updates are of small images, so that large ones take less time.",
        pitfalls="A training that ends before the last stage is whole makes coarse images. A batch has one size in all "
        "stages; the paper has smaller batches of larger images. --execution compile needs 0 images of both kinds.",
        origin="600,000 images for each stage and for each fade, as published",
        slots=(
            Slot("dataset", "dataset", "digits"),
            Slot("latent", "latent", "normal"),
            Slot("generator", "generator", "progressive"),
            Slot("discriminator", "discriminator", "progressive"),
            Slot("generator-conditioner", "conditioner", "none", of="generator"),
            Slot(
                "discriminator-conditioner", "conditioner", "none", of="discriminator", paired="generator-conditioner"
            ),
            Slot("generator-initialiser", "initialiser", "default", of="generator"),
            Slot("discriminator-initialiser", "initialiser", "default", of="discriminator"),
            Slot("loss", "loss", "bce"),
            Slot("penalty", "penalty", "none", several=True),
            *phase_slots("discriminator", "adam", "constant"),
            *phase_slots("generator", "adam", "constant"),
        ),
        phases=("discriminator", "generator"),
    )
    yield Component(
        kind="generator",
        name="progressive",
        summary="stages of convolutions with pixel norm that may fade in one by one; for images of any size",
        target="ganzoo_progan.networks:ProgressiveGenerator",
        config=configs.ProgressiveGeneratorConfig,
        requires=(GROWING,),
        provides=("grows", "site:input-vector"),
        source=f"{PAPER}, table 2",
        equation="h ← pn(a(conv(pn(a(conv(up(h))))))), image = conv₁(h); pn(h) = h / √(mean over channels of h² + ε)",
        strengths="No batch norm: a sample does not depend on its batch. Equalised weights.",
        pitfalls="Learning rates are those of equalised weights, about 0.001. It needs the recipe progressive.",
        origin="narrow, for processors; published are 512 channels up to 32×32",
    )
    yield Component(
        kind="discriminator",
        name="progressive",
        summary="stages of convolutions that may fade in one by one, then the deviation of the minibatch",
        target="ganzoo_progan.networks:ProgressiveDiscriminator",
        config=configs.ProgressiveDiscriminatorConfig,
        requires=(GROWING,),
        provides=("grows", "site:head", "site:logit"),
        source=f"{PAPER}, table 2",
        equation="h ← halve(a(conv(a(conv(h))))), from h = a(conv₁(image)); then deviation, convolution, dense, linear",
        strengths="Sees whether the fakes of a group are all alike. Takes gradient penalties.",
        pitfalls="The batch must be a multiple of the group. Learning rates are those of equalised weights.",
        origin="narrow, for processors; group 4 is that of the authors' second version, the first has 16",
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variant of this plugin."""
    yield Variant(
        name="progan",
        summary="networks that grow from small images to large ones, with WGAN-GP and the minibatch's deviation",
        recipe="progressive",
        parts={"dataset": "shapes", "loss": "wasserstein", "penalty": "wgan-gp,drift"},
        overrides={
            "recipe.stage_images": 3_200,
            "recipe.fade_images": 3_200,
            "generator.widths": (48, 32, 24, 16),
            "discriminator.widths": (48, 32, 24, 16),
            "latent.size": 64,
            "optimizer.lr": 2e-3,
            "optimizer.betas": (0.0, 0.99),
            "run.batch_size": 16,
            "run.steps": 2000,
        },
        published={
            "dataset": "folder",
            "dataset.labels": "none",
            "dataset.size": (256, 256),
            "recipe.stage_images": 600_000,
            "recipe.fade_images": 600_000,
            "generator.widths": (512, 512, 512, 512, 256, 128, 64),
            "discriminator.widths": (512, 512, 512, 512, 256, 128, 64),
            "latent.size": 512,
            "optimizer.lr": 1e-3,
            "run.steps": 750_000,
        },
        source=f"{PAPER}; tkarras/progressive_growing_of_gans",
        figures="CIFAR-10, without classes: inception score 8.80; StackedMNIST: 881 modes of 1,000",
        strengths="Large images in less time than with whole networks, and stable ones.",
        pitfalls="Its fades are in images: a shorter training needs lower --recipe-stage-images and "
        "--recipe-fade-images.",
    )
