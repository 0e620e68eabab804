"""Noise distributions, initialisers, optimizers and learning-rate schedules."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_training import configs


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from _latents()
    yield from _initialisers()
    yield from _constant_scale()
    yield from _optimizers()
    yield from _schedules()


def _latents() -> Iterable[Component]:
    yield Component(
        kind="latent",
        name="normal",
        summary="Gaussian noise, N(0, 1) in every coordinate",
        target="ganzoo_training.latents:Normal",
        config=configs.NormalConfig,
    )
    yield Component(
        kind="latent",
        name="uniform",
        summary="uniform noise, by default from -1 to 1 in every coordinate",
        target="ganzoo_training.latents:Uniform",
        config=configs.UniformConfig,
    )


def _initialisers() -> Iterable[Component]:
    yield Component(
        kind="initialiser",
        name="default",
        summary="PyTorch's default initialisation of every layer",
        target="ganzoo_training.initialisers:Default",
        source="He et al. 2015, arXiv 1502.01852",
    )
    yield Component(
        kind="initialiser",
        name="normal",
        summary="normal weights, N(0, 0.02), in batch norm N(1, 0.02); zero biases",
        target="ganzoo_training.initialisers:Normal",
        config=configs.NormalWeightsConfig,
        source="Radford et al. 2016, arXiv 1511.06434",
    )
    yield Component(
        kind="initialiser",
        name="xavier",
        summary="Xavier-normal weights, which keep the variance of activations and gradients; constant biases",
        target="ganzoo_training.initialisers:Xavier",
        config=configs.XavierConfig,
        source="Glorot & Bengio 2010",
    )


def _constant_scale() -> Iterable[Component]:
    yield Component(
        kind="initialiser",
        name="uniform",
        summary="uniform weights, U(-0.05, 0.05); zero biases",
        target="ganzoo_training.initialisers:UniformWeights",
        config=configs.UniformWeightsConfig,
        source="the code of Goodfellow et al. 2014, arXiv 1406.2661",
        equation="w ~ U(−limit, limit), b = 0",
        strengths="What the networks of 2014 began with.",
        pitfalls="The scale does not follow the width of a layer.",
        origin="0.05 is that of the first GAN's generator; its discriminator has 0.005",
    )
    yield Component(
        kind="initialiser",
        name="orthogonal",
        summary="orthogonal weights, which keep the length of activations; zero biases",
        target="ganzoo_training.initialisers:OrthogonalWeights",
        config=configs.OrthogonalWeightsConfig,
        source="Saxe et al. 2014, arXiv 1312.6120",
        equation="W Wᵀ = gain² I",
        strengths="Deep networks neither grow nor shrink what passes.",
        pitfalls="Activations such as ReLU need a gain above 1.",
        origin="gain 1 is the paper's for linear layers",
    )


def _optimizers() -> Iterable[Component]:
    yield Component(
        kind="optimizer",
        name="adam",
        summary="Adam: adaptive moment estimation",
        target="ganzoo_training.optimizers:adam",
        config=configs.AdamConfig,
        source="Kingma & Ba 2015, arXiv 1412.6980",
    )
    yield Component(
        kind="optimizer",
        name="adamw",
        summary="AdamW: Adam with decoupled weight decay",
        target="ganzoo_training.optimizers:adamw",
        config=configs.AdamWConfig,
        source="Loshchilov & Hutter 2019, arXiv 1711.05101",
    )
    yield Component(
        kind="optimizer",
        name="sgd",
        summary="stochastic gradient descent, optionally with momentum",
        target="ganzoo_training.optimizers:sgd",
        config=configs.SGDConfig,
    )
    yield Component(
        kind="optimizer",
        name="rmsprop",
        summary="RMSprop: gradients divided by a running average of their magnitude",
        target="ganzoo_training.optimizers:rmsprop",
        config=configs.RMSpropConfig,
        source="Tieleman & Hinton 2012",
    )


def _schedules() -> Iterable[Component]:
    yield Component(
        kind="schedule",
        name="constant",
        summary="a constant learning rate",
        target="ganzoo_training.schedules:Constant",
    )
    yield Component(
        kind="schedule",
        name="step",
        summary="multiply the learning rate by a factor at regular intervals",
        target="ganzoo_training.schedules:Step",
        config=configs.StepConfig,
    )
    yield Component(
        kind="schedule",
        name="linear",
        summary="constant at first, then linear decay",
        target="ganzoo_training.schedules:Linear",
        config=configs.LinearConfig,
    )
    yield Component(
        kind="schedule",
        name="cosine",
        summary="decay along half a cosine",
        target="ganzoo_training.schedules:Cosine",
        config=configs.CosineConfig,
        source="Loshchilov & Hutter 2017, arXiv 1608.03983",
    )
    yield Component(
        kind="schedule",
        name="exponential",
        summary="divide the learning rate by a constant at each step, down to a floor",
        target="ganzoo_training.schedules:Exponential",
        config=configs.ExponentialConfig,
    )
