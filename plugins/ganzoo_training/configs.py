"""The options of this plugin's components."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class NormalConfig(Config):
    """Options of Gaussian noise."""

    size: int = option(100, "numbers in one noise vector", low=1)


@dataclass(frozen=True)
class UniformConfig(Config):
    """Options of uniform noise."""

    size: int = option(100, "numbers in one noise vector", low=1)
    lowest: float = option(-1.0, "lower bound; with noise from 0 to 1, whose mean is not 0, training collapses")
    highest: float = option(1.0, "upper bound")

    def __post_init__(self) -> None:
        if self.lowest >= self.highest:
            raise ValueError(f"option 'lowest' ({self.lowest:g}) must be below 'highest' ({self.highest:g})")


@dataclass(frozen=True)
class NormalWeightsConfig(Config):
    """Options of normally distributed weights."""

    deviation: float = option(0.02, "standard deviation of the weights", low=0)
    norm_deviation: float | None = option(
        None, "standard deviation of the scales of batch norm, around 1; none: that of the weights", low=0
    )


@dataclass(frozen=True)
class UniformWeightsConfig(Config):
    """Options of uniformly distributed weights."""

    limit: float = option(0.05, "weights are from minus this to this", low=0)


@dataclass(frozen=True)
class OrthogonalWeightsConfig(Config):
    """Options of orthogonal weights."""

    gain: float = option(1.0, "factor of the orthogonal matrix", low=0)


@dataclass(frozen=True)
class XavierConfig(Config):
    """Options of Xavier weights."""

    bias: float = option(0.0, "initial value of every bias")


@dataclass(frozen=True)
class AdamConfig(Config):
    """Options of Adam."""

    lr: float = option(2e-4, "learning rate", low=0, changeable=True)
    betas: tuple[float, float] = option((0.5, 0.999), "decay rates of the two moments", low=0, high=0.999999)
    eps: float = option(1e-8, "added to the denominator", low=0)
    weight_decay: float = option(0.0, "weight of the L2 penalty", low=0)


@dataclass(frozen=True)
class AdamWConfig(Config):
    """Options of AdamW."""

    lr: float = option(2e-4, "learning rate", low=0, changeable=True)
    betas: tuple[float, float] = option((0.5, 0.999), "decay rates of the two moments", low=0, high=0.999999)
    eps: float = option(1e-8, "added to the denominator", low=0)
    weight_decay: float = option(0.01, "decoupled weight decay", low=0)


@dataclass(frozen=True)
class SGDConfig(Config):
    """Options of stochastic gradient descent."""

    lr: float = option(0.1, "learning rate", low=0, changeable=True)
    momentum: float = option(0.0, "momentum factor", low=0, high=0.999999)
    weight_decay: float = option(0.0, "weight of the L2 penalty", low=0)


@dataclass(frozen=True)
class RMSpropConfig(Config):
    """Options of RMSprop."""

    lr: float = option(5e-5, "learning rate", low=0, changeable=True)
    alpha: float = option(0.99, "decay rate of the squared gradients", low=0, high=0.999999)
    eps: float = option(1e-8, "added to the denominator", low=0)
    momentum: float = option(0.0, "momentum factor", low=0, high=0.999999)


@dataclass(frozen=True)
class StepConfig(Config):
    """Options of a stepwise schedule."""

    every: float = option(0.4, "share of the run between two drops: 0.4 is every 8 of 20 epochs", low=1e-6, high=1)
    factor: float = option(0.1, "factor of the learning rate at each drop", low=0, high=1)


@dataclass(frozen=True)
class LinearConfig(Config):
    """Options of a linear schedule."""

    start: float = option(0.5, "share of the run after which the learning rate falls", low=0, high=1)
    end: float = option(0.0, "final learning rate, as a share of the base rate", low=0, high=1)


@dataclass(frozen=True)
class CosineConfig(Config):
    """Options of a cosine schedule."""

    until: float = option(
        1.0, "share of the run in which the learning rate falls; it stays afterwards", low=1e-6, high=1
    )
    end: float = option(0.0, "final learning rate, as a share of the base rate", low=0, high=1)


@dataclass(frozen=True)
class ExponentialConfig(Config):
    """Options of an exponential schedule."""

    divisor: float = option(1.00004, "divisor of the learning rate at each step", low=1)
    floor: float = option(1e-5, "lowest learning rate, as a share of the base rate", low=0, high=1)
