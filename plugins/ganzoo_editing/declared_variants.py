"""The declarations of the variants of this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Variant
from ganzoo_editing.declared import GAUTHIER, ICGAN


def declare_variants() -> Iterable[Variant]:
    """Yield the declarations."""
    yield Variant(
        name="icgan",
        summary="edits attributes of real images: a conditional GAN, with encoders of noise and attributes",
        recipe="editable-attributes",
        overrides={
            "generator.width": 32,
            "discriminator.width": 32,
            "generator-conditioner.deviation": 0.5,
            "recipe.mismatched": 0.5,
            "recipe.encoder_width": 16,
            "recipe.gan_steps": 1500,
            "latent.size": 24,
            "optimizer.lr": 1e-3,
            "run.steps": 2000,
            "run.ema": 0.99,
        },
        published={
            "dataset.size": 64,
            "generator.width": 64,
            "discriminator.width": 64,
            "recipe.signed": True,
            "recipe.encoder_width": 32,
            "recipe.encoder_dense": 512,
            "recipe.gan_steps": 63_600,
            "latent.size": 100,
            "optimizer.lr": 2e-4,
            "noise-encoder-optimizer.lr": 1e-4,
            "noise-encoder-optimizer.betas": (0.1, 0.999),
            "attribute-encoder-optimizer.lr": 1e-4,
            "attribute-encoder-optimizer.betas": (0.1, 0.999),
            "run.steps": 101_700,
            "run.ema": 0.0,
        },
        source=f"{ICGAN}; Guim3/IcGAN",
        strengths="Edits at once, and of any real image: no search, no pairs of images before and after.",
        pitfalls="What an image has besides its attributes must fit into the noise; details of a face get lost.",
    )
    yield Variant(
        name="attribute-gan",
        summary="draws images from attributes; those of fakes come from a kernel estimate of the data's",
        recipe="attributes",
        overrides={
            "generator.width": 32,
            "discriminator.width": 32,
            "recipe.kernel": 0.1,
            "optimizer.lr": 5e-4,
            "run.steps": 3000,
            "run.ema": 0.995,
        },
        published={
            "optimizer": "sgd",
            "optimizer.lr": 4e-3,
            "generator.width": 64,
            "discriminator.width": 64,
            "run.batch_size": 128,
            "run.ema": 0.0,
        },
        source=GAUTHIER,
        strengths="Any combination of attributes, also one that the data does not have; numbers between 0 and 1 too.",
        pitfalls="Attributes that always occur together cannot be told apart.",
    )
