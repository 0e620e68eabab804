"""The declarations of the conditioners; like all declarations, they import no torch."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Combination, Component, Need
from ganzoo_cgan import configs

CONDITION = Need(
    ("condition:embedding",),
    "use --conditioner none, or data with labels (one sub-folder per class)",
)
INPUT = Need(
    ("site:input-vector", "site:input-map"), "use a network that conditions its input, such as --discriminator dcgan"
)
PLANE = Need(
    ("site:input-map",),
    "choose another conditioner there, such as concat, or a network that takes images, "
    "such as --discriminator strided or --discriminator dcgan",
)
LOGIT = Need(
    ("site:logit",),
    "it is for discriminators (--discriminator-conditioner projection); "
    "choose another one for the generator, such as --generator-conditioner film or concat",
)
BLOCK = Need(("site:block",), "use --conditioner concat, or a network that conditions its hidden layers, such as mlp")
NORM = Need(
    ("site:norm",),
    "use --conditioner film, which needs no norm, or a network with batch norm, "
    "such as --discriminator strided or --discriminator dcgan",
)
BLOCK_MAP = Need(
    ("site:block-map",),
    "use --conditioner film, which takes flat layers too, or networks of convolutions: "
    "--generator dcgan --discriminator dcgan",
)
NOISE = Need(
    ("site:noise",),
    "it is for generators (--generator-conditioner); choose another one for the discriminator, "
    "such as --discriminator-conditioner projection",
)


def declare_conditioners() -> Iterable[Component]:
    """Return the conditioners: for the input, for hidden layers, and for the logit."""
    yield from _of_input()
    yield from _of_blocks()
    yield Component(
        kind="conditioner",
        name="projection",
        summary="add the inner product of the features and an embedding of the condition to the logit",
        target="ganzoo_cgan.projection:Projection",
        config=configs.ProjectionConfig,
        requires=(CONDITION, LOGIT),
        source="Miyato & Koyama 2018, arXiv 1802.05637, equation 4",
        equation="logit + ⟨V y, φ(x)⟩, with the features φ(x) from which the logit is computed",
        strengths="Many classes with few weights, and no label in the early layers, which learn what classes share.",
        pitfalls="The features must know the classes, which takes some steps. It goes with a generator conditioned by "
        "another one.",
        origin="V begins as N(0, 1/F), as large as the weights of the linear layer beside it.",
    )


def _of_input() -> Iterable[Component]:
    yield Component(
        kind="conditioner",
        name="concat",
        summary="concatenate an embedding of the condition with the input",
        target="ganzoo_cgan.conditioners:Concat",
        config=configs.ConcatConfig,
        requires=(CONDITION, INPUT),
        source="Mirza & Osindero 2014, arXiv 1411.1784",
        equation="x ‖ E y",
        strengths="The first one to try; it fits every network and every condition.",
        pitfalls="A deep network may forget the condition on the way from its input to its output.",
        origin="E begins as N(0, 1), PyTorch's default for embeddings.",
    )
    yield Component(
        kind="conditioner",
        name="one-hot",
        summary="concatenate the condition itself with the input, such as a one-hot class; nothing is learnt",
        target="ganzoo_cgan.conditioners:OneHot",
        config=configs.OneHotConfig,
        requires=(CONDITION, INPUT),
        source="Mirza & Osindero 2014, arXiv 1411.1784, section 4.1",
        equation="x ‖ s · one-hot(y)",
        strengths="As published for the first conditional GAN. No embedding can go astray, and numbers stay numbers.",
        pitfalls="One channel of the image for each class: choose concat with a size for hundreds of classes.",
        origin="Ones and zeros, as published.",
    )
    yield Component(
        kind="conditioner",
        name="multiply",
        summary="multiply the input by an embedding of the condition, element by element",
        target="ganzoo_cgan.conditioners:Multiply",
        config=configs.MultiplyConfig,
        requires=(CONDITION, INPUT),
        equation="x ⊙ E y",
        strengths="The noise cannot be ignored, as the class reaches the network only through it: varied examples.",
        pitfalls="Noise with mean 0 hides the class: only the variance of its products tells the classes apart. With a "
        "mean that is too large, the noise is forgotten. In the discriminator, embeddings close to 1 hide the class.",
        origin="E begins as N(0, 1), for images as N(1, 0.6²), so that both image and class are seen; "
        "measured on MNIST, see docs/conditioners.md",
        combinations=(
            # The mean of this noise is not 0, so that the embedding which it multiplies also reaches the network alone.
            Combination(
                when={"recipe": "adversarial", "generator-conditioner": "multiply"},
                defaults={"latent": "uniform", "latent.highest": 1.5},
            ),
        ),
    )
    yield Component(
        kind="conditioner",
        name="add",
        summary="add an embedding of the condition to the input, element by element",
        target="ganzoo_cgan.conditioners:Add",
        config=configs.EmbeddingConfig,
        requires=(CONDITION, INPUT),
        equation="x + E y",
        strengths="Simple, and as wide as the input.",
        pitfalls="The condition and the noise or the image cannot be told apart by their place, only by their size.",
        origin="E begins as N(0, 1), as large as the noise.",
    )
    yield Component(
        kind="conditioner",
        name="label-plane",
        summary="append an embedding of the condition to the image as one more channel",
        target="ganzoo_cgan.conditioners:LabelPlane",
        config=configs.EmbeddingConfig,
        requires=(CONDITION, PLANE),
        equation="x ‖ E y, with E y of height × width numbers",
        strengths="One channel for any number of classes, which differs from place to place.",
        pitfalls="It has height × width weights for each class.",
        origin="E begins as N(0, 1), PyTorch's default for embeddings.",
    )


def _of_blocks() -> Iterable[Component]:
    begins = "Scales begin as 1 and shifts as 0, as published: the network begins as the unconditional one."
    late = "Nothing depends on the condition at the beginning; it takes some steps to matter."
    yield Component(
        kind="conditioner",
        name="conditional-batch-norm",
        summary="scale and shift each channel after every batch norm by the condition",
        target="ganzoo_cgan.modulation:ConditionalBatchNorm",
        config=configs.ModulationConfig,
        requires=(CONDITION, NORM),
        source="de Vries et al. 2017, arXiv 1707.00683; Dumoulin et al. 2017, arXiv 1610.07629",
        equation="(1 + W y) ⊙ x̂ + V y, where x̂ is the output of a batch norm without scale and shift",
        strengths="The condition reaches every hidden layer. The generator of SNGAN, SAGAN and BigGAN.",
        pitfalls=late + " Layers without batch norm are left as they are.",
        origin=begins,
    )
    yield Component(
        kind="conditioner",
        name="film",
        summary="scale and shift each channel of every hidden layer by the condition, with or without a norm before it",
        target="ganzoo_cgan.modulation:Film",
        config=configs.ModulationConfig,
        requires=(CONDITION, BLOCK),
        source="Perez et al. 2018, arXiv 1709.07871, equation 1",
        equation="(1 + W y) ⊙ x + V y",
        strengths="The condition reaches every hidden layer of every network, discriminators without norm too.",
        pitfalls=late,
        origin=begins,
    )
    yield Component(
        kind="conditioner",
        name="film-noise",
        summary="scale and shift each channel of every hidden layer by the condition and the noise",
        target="ganzoo_cgan.modulation:FilmNoise",
        config=configs.ModulationConfig,
        requires=(CONDITION, BLOCK, NOISE),
        source="Brock et al. 2019, arXiv 1809.11096, appendix B; Chen et al. 2019, arXiv 1810.01365",
        equation="(1 + W (z ‖ y)) ⊙ x + V (z ‖ y)",
        strengths="Noise and condition reach every hidden layer.",
        pitfalls=late,
        origin=begins,
    )
    yield Component(
        kind="conditioner",
        name="self-modulation",
        summary="scale and shift each channel of every hidden layer by the noise alone; no condition",
        target="ganzoo_cgan.modulation:FilmNoise",
        config=configs.ModulationConfig,
        requires=(BLOCK, NOISE),
        source="Chen et al. 2019, arXiv 1810.01365, equation 4, with a linear map of the noise",
        equation="(1 + W z) ⊙ x + V z",
        strengths="Noise reaches every hidden layer of an unconditional generator.",
        pitfalls="More weights of the generator for the same images; the discriminator must keep up.",
        origin=begins,
    )
    yield Component(
        kind="conditioner",
        name="adain",
        summary="normalise each channel of each image, then scale and shift it by the condition",
        target="ganzoo_cgan.modulation:AdaIN",
        config=configs.ModulationConfig,
        requires=(CONDITION, BLOCK_MAP),
        source="Huang & Belongie 2017, arXiv 1703.06868, equation 8",
        equation="(1 + W y) ⊙ (x − μ) / σ + V y, with μ and σ of each channel of each example",
        strengths="No batch norm: examples of a batch stay independent, and nothing changes in evaluation mode.",
        pitfalls="It removes the mean of every channel, so that noise can no longer say how bright an image is.",
        origin=begins,
    )
    yield Component(
        kind="conditioner",
        name="adain-noise",
        summary="normalise each channel of each image, then scale and shift it by the condition and the noise",
        target="ganzoo_cgan.modulation:AdaINNoise",
        config=configs.ModulationConfig,
        requires=(CONDITION, BLOCK_MAP, NOISE),
        source="Karras et al. 2019, arXiv 1812.04948, equation 1, with a linear map of noise and condition",
        equation="(1 + W (z ‖ y)) ⊙ (x − μ) / σ + V (z ‖ y), with μ and σ of each channel of each example",
        strengths="The noise says again what instance norm removes, layer by layer: styles.",
        pitfalls=late,
        origin=begins,
    )
