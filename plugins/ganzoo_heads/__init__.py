"""Heads of a discriminator and what they need, with the GANs made of them: ACGAN and InfoGAN."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Variant, hookimpl
from ganzoo_heads import configs

ACGAN = "Odena et al. 2017, arXiv 1610.09585"
INFOGAN = "Chen et al. 2016, arXiv 1606.03657"
REACGAN = "Kang et al. 2021, arXiv 2111.01118"

LABELS = Need(
    ("condition:class", "condition:vector", "condition:joined"),
    "use a dataset with classes or attributes, or --head none",
)
CLASSES = Need(("condition:class",), "use a dataset with classes, or --head none")
CODES = Need(("codes",), "use --latent codes")
IMAGES = Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images")


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from _heads()
    yield from _networks()
    yield Component(
        kind="latent",
        name="codes",
        summary="noise with codes that a user can choose: categories and numbers",
        target="ganzoo_heads.codes:Codes",
        config=configs.CodesConfig,
        provides=("codes",),
        source=INFOGAN,
        equation="z = (noise, one-hot categories, numbers from U(-1, 1))",
        strengths="ganzoo sample RUN --set code=3 --set style=0.5,-1 chooses the codes; without it they are random.",
        pitfalls="Without --head code nothing makes the generator use the codes.",
        origin="62 numbers of noise, one code of 10 categories and 2 numbers, as published for MNIST.",
    )


def _heads() -> Iterable[Component]:
    yield Component(
        kind="head",
        name="classifier",
        summary="predicts the class or the attributes of real and fake examples (ACGAN)",
        target="ganzoo_heads.classifier:Classifier",
        config=configs.ClassifierConfig,
        requires=(LABELS,),
        source=ACGAN,
        equation="D and G both add -log P(c | x): D for real and fake examples, G for its own",
        strengths="The discriminator learns classes without seeing them, and tells how many it gets right.",
        pitfalls="The generator prefers examples that are easy to classify, so classes lose variety. Numbers of a "
        "vector must be attributes of 0 or 1.",
        origin="All factors 1, as published.",
    )
    yield Component(
        kind="head",
        name="code",
        summary="recovers the codes of fakes, so that the generator has to use them (InfoGAN)",
        target="ganzoo_heads.codes:CodeHead",
        config=configs.CodeHeadConfig,
        requires=(CODES,),
        source=INFOGAN,
        equation="D and G both add -log Q(c | G(z, c)): cross-entropy for categories, (c - μ)²/2 for numbers",
        strengths="Finds factors such as class, slant and width without labels.",
        pitfalls="Which factor a code finds depends on the seed; two runs need not agree. A learnt deviation can "
        "shrink without limit, and its term then outweighs all others: lower --head-number-weight.",
        origin="One hidden layer of 128 units with batch norm, factors 1 and σ = 1, as in the authors' code for MNIST.",
    )
    yield Component(
        kind="head",
        name="d2d-ce",
        summary="draws examples to their class and apart from other classes in the batch (ReACGAN)",
        target="ganzoo_heads.d2d_ce:DataToData",
        config=configs.DataToDataConfig,
        requires=(CLASSES,),
        source=f"{REACGAN}, equation 8",
        equation="-log(p / (p + Σ exp([s⁻ + m - 1]₊/T))), p = exp(-[m - s⁺]₊/T), with s⁻ to other classes only",
        strengths="More stable than a classifier with many classes: examples that are easy add no gradient.",
        pitfalls="Compares all examples of a batch, so that no batch is divided; small batches have few negatives.",
        origin="The authors' settings for CIFAR-10: factor 0.5, margin 0.98, temperature 0.5, vectors of 512.",
    )


def _networks() -> Iterable[Component]:
    origin = "Dense layer of 1024 and convolutions of 64 and 128, as published for MNIST; slope 0.1 of the paper."
    yield Component(
        kind="generator",
        name="infogan",
        summary="two dense layers, then transposed convolutions; for images of any size",
        target="ganzoo_heads.networks:InfoGANGenerator",
        config=configs.InfoGANGeneratorConfig,
        requires=(IMAGES,),
        provides=("site:input-vector", "site:block", "site:block-map", "site:norm", "site:noise"),
        source=f"{INFOGAN}, appendix C.1",
        equation="z → dense 1024 → dense 128×7×7 → up to 64×14×14 → up to 1×28×28, batch norm and ReLU between",
        strengths="Small and fast; a fair common network for comparisons on MNIST.",
        pitfalls="The dense layers grow with the image: give large images more widths, such as 64,128,256.",
        origin=origin,
    )
    yield Component(
        kind="discriminator",
        name="infogan",
        summary="convolutions of stride 2, then a dense layer; for images of any size",
        target="ganzoo_heads.networks:InfoGANDiscriminator",
        config=configs.InfoGANDiscriminatorConfig,
        requires=(IMAGES,),
        provides=("site:input-map", "site:block", "site:block-map", "site:norm", "site:head", "site:logit"),
        source=f"{INFOGAN}, appendix C.1",
        equation="1×28×28 → 64×14×14 → 128×7×7 → dense 1024 (the features) → logit, batch norm and leaky ReLU between",
        strengths="Its dense layer gives a head features that are already mixed over the whole image.",
        pitfalls="Batch norm mixes examples: use no gradient penalty with it.",
        origin=origin,
    )


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        name="acgan",
        summary="a conditional GAN whose discriminator predicts the class instead of seeing it",
        recipe="adversarial",
        parts={
            "generator": "upsampling",
            "discriminator": "strided",
            "generator-conditioner": "concat",
            "head": "classifier",
            "schedule": "linear",
        },
        overrides={
            "generator.widths": (64, 32),
            "discriminator.slope": 0.2,
            "optimizer.lr": 7e-4,
            "optimizer.betas": (0.5, 0.99),
            "schedule.start": 0.3,
            "run.steps": 4500,
        },
        published={
            "dataset": "mnist",
            "dataset.size": 32,
            "generator-conditioner": "multiply",
            "schedule": "constant",
            "generator.widths": (128, 64),
            "discriminator.widths": (16, 32, 64, 128),
            "discriminator.dropout": 0.5,
            "optimizer.lr": 2e-4,
            "optimizer.betas": (0.5, 0.999),
            "run.batch_size": 100,
            "run.epochs": 200,
            "run.ema": 0.0,
        },
        source=ACGAN,
        figures="the 1000 classes of ImageNet at 128×128, by 100 generators of 10 classes each",
        strengths="The discriminator tells how many classes it gets right, of real and of generated images.",
        pitfalls="Classes lose variety, as the generator prefers images that are easy to classify. The published input "
        "noise of the discriminator is left out.",
        proof="MNIST, seed 0, 950 steps of a run of 1,200: 91 % of 1,000 images have the class that was asked for, by "
        "a judge that is right for 99.4 % of real ones; the discriminator tells 95 % of real and 99 % of made ones.",
    )
    yield Variant(
        name="infogan",
        summary="an unconditional GAN that finds classes and styles by itself, as codes that one can choose",
        recipe="adversarial",
        parts={
            "latent": "codes",
            "generator": "infogan",
            "discriminator": "infogan",
            "head": "code",
            "initialiser": "normal",
        },
        overrides={
            "generator.widths": (32, 64),
            "generator.dense": 256,
            "discriminator.widths": (32, 64),
            "discriminator.dense": 256,
            "generator-optimizer.lr": 1e-3,
            "run.steps": 4000,
        },
        published={
            "dataset": "mnist",
            "generator.widths": (64, 128),
            "generator.dense": 1024,
            "generator.output": "sigmoid",
            "discriminator.widths": (64, 128),
            "discriminator.dense": 1024,
            "discriminator.slope": 0.01,
            "head.slope": 0.01,
            "run.batch_size": 128,
            "run.steps": 5000,
            "run.ema": 0.0,
        },
        source=INFOGAN,
        figures="the category code classifies MNIST's test images with 5 % error",
        strengths="Finds classes and styles without labels: ganzoo sample RUN --set code=3 --set style=0.5,-1.",
        pitfalls="Which code finds what depends on the seed, a code may hold two classes, and a style may change the "
        "class.",
        proof="MNIST, seed 0: after 2,000 steps 44 % and after about 2,700 steps 39 % of the test images are in the "
        "code of another class, with batch norm's statistics of the training, which are mostly those of fakes. With "
        "statistics of real images it is less: 68 % in place of 78 % after 338 steps (python benchmarks/codes.py). "
        "The published 5 % is not reached yet.",
    )
