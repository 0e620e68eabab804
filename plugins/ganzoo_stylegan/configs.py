"""The options of the networks of StyleGAN2 and R3GAN, and of the conditioner that both published with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class StagesConfig(Config):
    """Options of a network of stages."""

    widths: tuple[int, ...] = option(
        (512, 512, 512, 512), "channels of the stages, from the smallest map outwards; each doubles the sides", low=1
    )

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("option 'widths' names no stage: give the channels of one or more")


@dataclass(frozen=True)
class StyleGAN2GeneratorConfig(StagesConfig):
    """Options of StyleGAN2's generator."""

    style: int = option(512, "numbers of a style: what the mapping network makes of the noise", low=1)
    mapping: int = option(2, "layers of the mapping network; 8 for large images", low=1, high=64)
    noise: bool = option(True, "noise in every layer, with a learnt strength that begins as 0")
    clamp: float = option(256.0, "the largest absolute value behind a convolution; 0 for no limit", low=0)
    output: Literal["linear", "tanh"] = option("linear", "output activation; linear is limited when sampling only")


@dataclass(frozen=True)
class StyleGAN2DiscriminatorConfig(StagesConfig):
    """Options of StyleGAN2's discriminator."""

    residual: bool = option(True, "a way around each stage; the published one for CIFAR-10 has none")
    group: int = option(4, "images of a batch whose deviation is one more channel; 1 for none", low=1)
    features: int = option(1, "numbers of the last layer, whose sum is the logit; more than 1 for inner-product", low=1)
    clamp: float = option(256.0, "the largest absolute value behind a convolution; 0 for no limit", low=0)


@dataclass(frozen=True)
class R3GANConfig(Config):
    """Options of R3GAN's networks."""

    widths: tuple[int, ...] = option(
        (768, 768, 768, 768), "channels of the stages, from the smallest map outwards; each doubles the sides", low=1
    )
    blocks: int = option(2, "residual blocks of a stage", low=1, high=64)
    expansion: int = option(2, "channels within a block, as a multiple of those around it", low=1)
    group: int = option(16, "channels of a group in the convolutions of size 3; fewer if they do not divide", low=1)

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("option 'widths' names no stage: give the channels of one or more")


@dataclass(frozen=True)
class R3GANGeneratorConfig(R3GANConfig):
    """Options of R3GAN's generator."""

    output: Literal["linear", "tanh"] = option("linear", "output activation; linear is limited when sampling only")


@dataclass(frozen=True)
class R3GANDiscriminatorConfig(R3GANConfig):
    """Options of R3GAN's discriminator."""

    features: int = option(1, "numbers of the last layer, whose sum is the logit; more than 1 for inner-product", low=1)


@dataclass(frozen=True)
class InnerProductConfig(Config):
    """Options of the inner product."""

    layers: int = option(
        0, "layers behind the embedding, which learn at a hundredth of the rate; 8 in StyleGAN2", low=0, high=64
    )
    deviation: float = option(1.0, "initial standard deviation of the embeddings", low=0)
