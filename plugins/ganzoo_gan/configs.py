"""The options of this plugin's components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class AdversarialConfig(Config):
    """Options of the adversarial recipe."""

    discriminator_updates: int = option(1, "discriminator updates a step, each on new data", low=1)
    generator_updates: int = option(1, "generator updates a step", low=1)
    discriminator_weight: float = option(
        1.0, "factor of the discriminator's loss; 0.5 is the mean of its two parts", low=0
    )
    fake_conditions: Literal["random", "data"] = option(
        "random", "conditions of fakes: classes uniformly at random, or those of the batch"
    )
    shared_fakes: bool = option(
        False, "let the generator's phase be the first, and the discriminator judge the fakes that it made"
    )
    mismatched: float = option(
        0.0,
        "share of real examples under a wrong class in what the discriminator learns to refuse; for classes only",
        low=0,
        high=1,
    )
    joint: bool = option(
        True, "show real and fake examples in one batch where no layer of the discriminator mixes examples"
    )


@dataclass(frozen=True)
class MLPGeneratorConfig(Config):
    """Options of the fully connected generator."""

    widths: tuple[int, ...] = option((128, 256, 512, 1024), "units of the hidden layers", low=1)
    slope: float = option(0.2, "slope of the leaky ReLU; 0 is ReLU", low=0, high=1)
    norm: bool = option(True, "batch norm from the second hidden layer on")
    norm_eps: float = option(1e-5, "batch norm's epsilon; 0.8 repeats a well-known slip in published code", low=0)
    output: Literal["tanh", "sigmoid"] = option("tanh", "what bounds images; sigmoid is stretched to [-1, 1]")


@dataclass(frozen=True)
class MLPDiscriminatorConfig(Config):
    """Options of the fully connected discriminator."""

    widths: tuple[int, ...] = option((512, 256), "units of the hidden layers", low=1)
    slope: float = option(0.2, "slope of the leaky ReLU; 0 is ReLU", low=0, high=1)
    dropout: float = option(0.0, "share dropped from the second hidden layer on", low=0, high=0.99)
