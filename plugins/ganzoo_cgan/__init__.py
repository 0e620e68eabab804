"""Conditioners, the networks of the embed-multiply convolutional CGAN, and two conditional GANs."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, Need, Variant, hookimpl
from ganzoo_cgan import configs

PAPER = "Mirza & Osindero 2014, arXiv 1411.1784"

CONDITION = Need(
    ("condition:class", "condition:vector", "condition:tokens"),
    "use --conditioner none, or data with labels (one sub-folder a class)",
)
INPUT = Need(("site:input-vector", "site:input-map"), "use a network that conditions its input, such as mlp or dcgan")
PLANE = Need(
    ("site:input-map",),
    "choose another conditioner there, such as concat, or a network that takes images, "
    "such as --discriminator strided or --discriminator dcgan",
)


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield Component("conditioner", "none", "no condition", "ganzoo.contract.conditioner:Unconditioned")
    yield Component(
        "conditioner", "concat", "lay an embedding of the condition beside the input",
        "ganzoo_cgan.conditioners:Concat", configs.ConcatConfig, (CONDITION, INPUT), source=PAPER,
    )  # fmt: skip
    yield Component(
        "conditioner", "multiply", "multiply the input with an embedding of the condition",
        "ganzoo_cgan.conditioners:Multiply", configs.MultiplyConfig, (CONDITION, INPUT),
    )  # fmt: skip
    yield Component(
        "conditioner", "add", "add an embedding of the condition to the input",
        "ganzoo_cgan.conditioners:Add", configs.EmbeddingConfig, (CONDITION, INPUT),
    )  # fmt: skip
    yield Component(
        "conditioner", "label-plane", "lay an embedding beside the image as one more channel",
        "ganzoo_cgan.conditioners:LabelPlane", configs.EmbeddingConfig, (CONDITION, PLANE),
    )  # fmt: skip
    images = (Need(("data:image",), "use --generator mlp --discriminator mlp, or a dataset of images"),)
    yield Component(
        "generator", "upsampling", "dense, then enlargement and convolutions; sides are multiples of 4",
        "ganzoo_cgan.convolutional:UpsamplingGenerator", configs.UpsamplingConfig, images,
        ("site:input-vector", "site:block"),
    )  # fmt: skip
    yield Component(
        "discriminator", "strided", "three strided convolutions, then dense; for images of any size",
        "ganzoo_cgan.convolutional:StridedDiscriminator", configs.StridedConfig, images,
        ("site:input-map", "site:block", "site:head"),
    )  # fmt: skip


@hookimpl
def ganzoo_variants() -> Iterable[Variant]:
    """Return the variants of this plugin."""
    yield Variant(
        "cgan",
        "a conditional GAN of fully connected layers; the label's embedding lies beside noise and image",
        recipe="adversarial",
        parts={"conditioner": "concat", "schedule": "linear"},
        overrides={
            "latent.size": 100,
            "generator.widths": (256, 512),
            "generator-conditioner.deviation": 2.0,
            "discriminator.widths": (512, 256),
            "discriminator.dropout": 0.3,
            "discriminator-conditioner.deviation": 3.0,
            "recipe.discriminator_weight": 0.5,
            "recipe.shared_fakes": True,
            "recipe.mismatched": 0.3,
            "optimizer.lr": 5e-4,
            "optimizer.betas": (0.5, 0.99),
            "schedule.start": 0.3,
            "run.batch_size": 64,
            "run.ema": 0.9995,
            "run.steps": 20_000,
        },
        published={
            "dataset": "mnist",
            "dataset.size": 32,
            "loss": "lsgan",
            "schedule": "constant",
            "generator.widths": (128, 256, 512, 1024),
            "generator-conditioner.deviation": 1.0,
            "discriminator.widths": (512, 512, 512),
            "discriminator.dropout": 0.4,
            "discriminator-conditioner.deviation": 1.0,
            "recipe.mismatched": 0.0,
            "optimizer.lr": 2e-4,
            "optimizer.betas": (0.5, 0.999),
            "run.epochs": 200,
            "run.ema": 0.0,
        },
        source=PAPER,
    )
    yield Variant(
        "cgan-conv",
        "a convolutional conditional GAN; the label's embedding multiplies the noise and is a plane of the image",
        recipe="adversarial",
        parts={
            "generator": "upsampling",
            "discriminator": "strided",
            "generator-conditioner": "multiply",
            "discriminator-conditioner": "label-plane",
            # Noise whose mean is not 0: multiplied with it, an embedding's own values reach the network as well.
            "latent": "uniform",
            "schedule": "linear",
        },
        overrides={
            "latent.size": 100,
            "latent.lowest": -1.0,
            "latent.highest": 1.5,
            "generator.widths": (64, 32),
            "recipe.discriminator_weight": 0.5,
            "recipe.fake_conditions": "data",
            "recipe.shared_fakes": True,
            "recipe.mismatched": 0.6,
            "discriminator.dropout": 0.1,
            "optimizer.lr": 7e-4,
            "optimizer.betas": (0.5, 0.99),
            "schedule.start": 0.3,
            "run.batch_size": 64,
            "run.steps": 4500,
        },
        published={
            "dataset": "mnist",
            "latent": "normal",
            "latent.size": 100,
            "schedule": "constant",
            "generator.widths": (128, 64),
            "discriminator.dropout": 0.25,
            "recipe.shared_fakes": False,
            "recipe.mismatched": 0.0,
            "optimizer.lr": 1e-3,
            "optimizer.betas": (0.5, 0.999),
            "run.batch_size": 128,
            "run.steps": 5000,
            "run.ema": 0.0,
        },
        source=PAPER,
        figures="generator 856,809 and discriminator 103,297 trainable parameters on 28×28 images, as published",
    )
