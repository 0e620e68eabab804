"""The declarations of networks and optimizers."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need
from ganzoo_classics import configs

MIRZA = "Mirza & Osindero 2014, arXiv 1411.1784"
GULRAJANI = "Gulrajani et al. 2017, arXiv 1704.00028"
IMAGES = Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images")


def declared() -> Iterable[Component]:
    """Return the networks and the optimizer."""
    yield Component(
        kind="generator",
        name="joint",
        summary="a layer for the noise, a layer for the condition, and a layer of both; for images and points",
        target="ganzoo_classics.maxout:JointGenerator",
        config=configs.JointGeneratorConfig,
        provides=("site:input-vector", "site:noise"),
        source=f"{MIRZA}, section 4.1",
        equation="x = σ(W₃ relu(W₂ [relu(W_z z), relu(W_y y)])), with one-hot y",
        strengths="Small, and the condition has far more units than the noise, so that classes are right early.",
        pitfalls="With a conditioner that puts nothing beside the noise, such as multiply, the layer of the condition "
        "is left out.",
        origin="200, 1000 and 1200 units are the paper's; it has dropout 0.5",
    )
    yield Component(
        kind="discriminator",
        name="maxout",
        summary="fully connected maxout layers, with a layer for the condition; for images, points, and packs of them",
        target="ganzoo_classics.maxout:MaxoutDiscriminator",
        config=configs.MaxoutConfig,
        provides=("site:input-vector",),
        source=f"{MIRZA}, section 4.1; maxout: Goodfellow et al. 2013, arXiv 1302.4389",
        equation="h = max over k of (W_k x + b_k), for each unit",
        strengths="Learns its own activations. No layer mixes examples, so that any penalty goes with it.",
        pitfalls="A layer costs as many times as it has pieces.",
        origin="240 units of 5 pieces, 50 of 5 for the condition and 240 of 4 for both are the paper's",
    )
    yield Component(
        kind="generator",
        name="doubling",
        summary="a dense layer, then transposed convolutions of size 3 or 5; for images of any size",
        target="ganzoo_classics.odd_kernels:DoublingGenerator",
        config=configs.DoublingConfig,
        requires=(IMAGES,),
        provides=("site:input-vector", "site:noise"),
        source=f"{GULRAJANI}, the authors' code for MNIST",
        equation="z → dense 256×4×4 → 128×7×7 → 64×14×14 → 1×28×28, ReLU between",
        strengths="Works without batch norm, so that fakes do not depend on their batch.",
        pitfalls="Transposed convolutions with an odd kernel and stride 2 can draw checkerboards.",
        origin="64, 128, 256 channels and kernel 5 are those of the authors' code for MNIST",
    )
    yield Component(
        kind="discriminator",
        name="halving",
        summary="convolutions of size 3 or 5 and stride 2, then a dense layer; for images of any size, and packs",
        target="ganzoo_classics.odd_kernels:HalvingDiscriminator",
        config=configs.HalvingConfig,
        requires=(IMAGES,),
        provides=("site:input-map",),
        source=f"{GULRAJANI}, the authors' code for MNIST",
        equation="1×28×28 → 64×14×14 → 128×7×7 → 256×4×4 → logit, leaky ReLU between",
        strengths="No layer mixes examples, so that any gradient penalty goes with it.",
        pitfalls="With --discriminator-norm it takes no gradient penalty.",
        origin="64, 128, 256 channels and kernel 5 are those of the authors' code for MNIST",
    )
    yield Component(
        kind="optimizer",
        name="sgd-rising",
        summary="stochastic gradient descent whose momentum rises during the training",
        target="ganzoo_classics.optimizers:rising_momentum",
        config=configs.RisingMomentumConfig,
        source=f"Goodfellow et al. 2013, arXiv 1302.4389; {MIRZA}",
        equation="v ← μ v − η g, w ← w + v; μ rises from 0.5 to 0.7 by equal steps",
        strengths="What GANs were trained with in 2014.",
        pitfalls="It needs a learning rate that falls (--schedule exponential) and hours; Adam needs minutes.",
        origin="0.5 to 0.7 are the paper's, whose learning rate is 0.1; 125,000 updates are 250 epochs of 50,000 "
        "images in batches of 100, as in the code of the first GAN",
    )
