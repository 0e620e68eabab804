"""How weights begin and move: noise distributions, initialisers, optimizers and learning-rate schedules."""

from __future__ import annotations

from collections.abc import Iterable

from ganzoo.plugin import Component, hookimpl
from ganzoo_training import configs


@hookimpl
def ganzoo_components() -> Iterable[Component]:
    """Return the components of this plugin."""
    yield from _latents()
    yield from _initialisers()
    yield from _optimizers()
    yield from _schedules()


def _latents() -> Iterable[Component]:
    yield Component(
        "latent", "normal", "Gaussian noise, N(0, 1) in every coordinate",
        "ganzoo_training.latents:Normal", configs.NormalConfig,
    )  # fmt: skip
    yield Component(
        "latent", "uniform", "uniform noise, from -1 to 1 in every coordinate",
        "ganzoo_training.latents:Uniform", configs.UniformConfig,
    )  # fmt: skip


def _initialisers() -> Iterable[Component]:
    yield Component(
        "initialiser", "default", "the weights that torch gives every layer",
        "ganzoo_training.initialisers:Default", source="He et al. 2015, arXiv 1502.01852",
    )  # fmt: skip
    yield Component(
        "initialiser", "normal", "N(0, 0.02) weights, N(1, 0.02) batch-norm weights, zero biases",
        "ganzoo_training.initialisers:Normal", configs.NormalWeightsConfig,
        source="Radford et al. 2016, arXiv 1511.06434",
    )  # fmt: skip
    yield Component(
        "initialiser", "xavier", "weights of equal variance forwards and backwards, constant biases",
        "ganzoo_training.initialisers:Xavier", configs.XavierConfig, source="Glorot & Bengio 2010",
    )  # fmt: skip


def _optimizers() -> Iterable[Component]:
    yield Component(
        "optimizer", "adam", "adaptive moments",
        "ganzoo_training.optimizers:adam", configs.AdamConfig, source="Kingma & Ba 2015, arXiv 1412.6980",
    )  # fmt: skip
    yield Component(
        "optimizer", "adamw", "adaptive moments with decoupled weight decay",
        "ganzoo_training.optimizers:adamw", configs.AdamWConfig, source="Loshchilov & Hutter 2019, arXiv 1711.05101",
    )  # fmt: skip
    yield Component(
        "optimizer", "sgd", "stochastic gradient descent, with momentum if asked",
        "ganzoo_training.optimizers:sgd", configs.SGDConfig,
    )  # fmt: skip
    yield Component(
        "optimizer", "rmsprop", "gradients divided by a moving average of their size",
        "ganzoo_training.optimizers:rmsprop", configs.RMSpropConfig, source="Tieleman & Hinton 2012",
    )  # fmt: skip


def _schedules() -> Iterable[Component]:
    yield Component(
        "schedule", "constant", "the same learning rate all along",
        "ganzoo_training.schedules:Constant",
    )  # fmt: skip
    yield Component(
        "schedule", "step", "multiply the learning rate by a factor at regular intervals",
        "ganzoo_training.schedules:Step", configs.StepConfig,
    )  # fmt: skip
    yield Component(
        "schedule", "linear", "constant at first, then straight down",
        "ganzoo_training.schedules:Linear", configs.LinearConfig,
    )  # fmt: skip
    yield Component(
        "schedule", "cosine", "down along half a cosine",
        "ganzoo_training.schedules:Cosine", configs.CosineConfig, source="Loshchilov & Hutter 2017, arXiv 1608.03983",
    )  # fmt: skip
    yield Component(
        "schedule", "exponential", "divide the learning rate by a constant each step, down to a floor",
        "ganzoo_training.schedules:Exponential", configs.ExponentialConfig,
    )  # fmt: skip
