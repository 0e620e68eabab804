"""The options of this plugin's components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class AdversarialConfig(Config):
    """Options of the adversarial recipe."""

    discriminator_updates: int = option(1, "discriminator updates per step, each on new data", low=1)
    thorough_updates: int = option(
        0, "discriminator updates in each of the first 25 steps and in every 500th, if they are more (WGAN)", low=0
    )
    generator_updates: int = option(1, "generator updates per step", low=1)
    generator_fakes: int = option(
        1, "fakes in a generator update for each example of the batch; 2 in SNGAN and WGAN-GP", low=1
    )
    discriminator_weight: float = option(
        1.0, "factor of the discriminator's loss; 0.5 averages its real and fake terms", low=0
    )
    fake_conditions: Literal["random", "data"] = option(
        "random", "conditions of fakes: random classes (uniform), or those of the real batch (data)"
    )
    shared_fakes: bool = option(
        False, "run the generator's phase first, and train the discriminator on the fakes of that phase"
    )
    mismatched: float = option(
        0.0,
        "share of real examples with a wrong class among the discriminator's fakes; only used with class labels",
        low=0,
        high=1,
    )
    joint: bool = option(
        True, "score real and fake examples in one batch, where no layer of the discriminator mixes examples"
    )

    def __post_init__(self) -> None:
        if self.shared_fakes and self.generator_fakes > 1:
            raise ValueError(
                "options 'shared_fakes' and 'generator_fakes' exclude each other: the discriminator takes one fake for "
                "each real example"
            )


@dataclass(frozen=True)
class MLPGeneratorConfig(Config):
    """Options of the fully connected generator."""

    widths: tuple[int, ...] = option((128, 256, 512, 1024), "units of the hidden layers", low=1)
    slope: float = option(0.2, "slope of the leaky ReLU; 0 is ReLU", low=0, high=1)
    activation: Literal["leaky-relu", "elu", "tanh"] = option("leaky-relu", "activation of the hidden layers")
    norm: bool = option(True, "batch norm from the second hidden layer on")
    norm_first: bool = option(False, "with batch norm, the first hidden layer has it too")
    norm_eps: float = option(1e-5, "epsilon of batch norm; well-known published code has 0.8, by mistake", low=0)
    weights: Literal["plain", "spectral", "equalised"] = option(
        "plain", "weights as they are, with spectral normalisation, or with an equalised learning rate"
    )
    output: Literal["tanh", "sigmoid"] = option("tanh", "output activation for images; sigmoid is rescaled to [-1, 1]")


@dataclass(frozen=True)
class MLPDiscriminatorConfig(Config):
    """Options of the fully connected discriminator."""

    widths: tuple[int, ...] = option((512, 256), "units of the hidden layers", low=1)
    slope: float = option(0.2, "slope of the leaky ReLU; 0 is ReLU", low=0, high=1)
    activation: Literal["leaky-relu", "elu", "tanh"] = option("leaky-relu", "activation of the hidden layers")
    pack: int = option(
        1, "examples that are scored together (PacGAN); a condition acts at the input, later on by the first", low=1
    )
    dropout: float = option(0.0, "dropout rate, from the second hidden layer on", low=0, high=0.99)
    weights: Literal["plain", "spectral", "equalised"] = option(
        "plain", "weights as they are, with spectral normalisation, or with an equalised learning rate"
    )


@dataclass(frozen=True)
class ErrorConfig(Config):
    """Options of every auto-encoder."""

    code: int = option(64, "numbers in the code", low=1)
    error: Literal["squared", "absolute"] = option(
        "squared", "the error of a reconstruction: its mean squared or its mean absolute difference"
    )


@dataclass(frozen=True)
class AutoencoderConfig(ErrorConfig):
    """Options of the fully connected auto-encoder."""

    widths: tuple[int, ...] = option((512, 256), "units of the hidden layers of the encoder", low=1)


@dataclass(frozen=True)
class ConvolutionalAutoencoderConfig(ErrorConfig):
    """Options of the convolutional auto-encoder."""

    width: int = option(16, "channels at the size of the image; the encoder has twice as many at half the size", low=1)
    convolutions: int = option(1, "convolutions at each size", low=1)
