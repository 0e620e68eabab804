"""The options of this plugin's components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class JointGeneratorConfig(Config):
    """Options of the generator that joins noise and condition."""

    noise_width: int = option(200, "units of the layer of the noise", low=1)
    condition_width: int = option(1000, "units of the layer of what a conditioner puts beside the noise", low=1)
    width: int = option(1200, "units of the layer that joins both", low=1)
    dropout: float = option(0.0, "dropout rate of the hidden layers", low=0, high=0.99)
    output: Literal["tanh", "sigmoid"] = option("tanh", "output activation for images; sigmoid is rescaled to [-1, 1]")


@dataclass(frozen=True)
class MaxoutConfig(Config):
    """Options of the maxout discriminator."""

    widths: tuple[int, ...] = option((240, 240), "units of the hidden layers", low=1)
    pieces: int = option(5, "linear pieces of a unit of the first layer, of which the largest counts", low=1)
    later_pieces: int = option(4, "pieces of a unit of the other layers", low=1)
    condition_width: int = option(50, "units of the layer of what a conditioner puts beside the example", low=1)
    dropout: float = option(0.0, "dropout rate of the hidden layers", low=0, high=0.99)
    pack: int = option(1, "examples that are scored together, with their conditions (PacGAN)", low=1)


@dataclass(frozen=True)
class OddKernelConfig(Config):
    """Options of networks of convolutions with an odd kernel."""

    kernel: Literal["3", "5"] = option("5", "side of the kernel")
    norm: bool = option(False, "batch norm in every hidden layer; not with a gradient penalty")


@dataclass(frozen=True)
class HalvingConfig(OddKernelConfig):
    """Options of the discriminator that halves an image."""

    widths: tuple[int, ...] = option((64, 128, 256), "channels of the convolutions, from the image inwards", low=1)
    slope: float = option(0.2, "slope of the leaky ReLU; 0 is ReLU", low=0, high=1)
    pack: int = option(1, "images that are scored together (PacGAN); a condition acts at the input alone", low=1)


@dataclass(frozen=True)
class DoublingConfig(OddKernelConfig):
    """Options of the generator that doubles a map."""

    widths: tuple[int, ...] = option((64, 128, 256), "channels of the maps, from the image inwards", low=1)
    smooth: bool = option(False, "the last layer is a convolution that keeps the size, not one that doubles it")
    output: Literal["tanh", "sigmoid"] = option("tanh", "output activation; sigmoid is rescaled to [-1, 1]")


@dataclass(frozen=True)
class UnrolledConfig(Config):
    """Options of the unrolled recipe."""

    unrolled: int = option(
        5, "updates of the discriminator that the generator foresees; with 0 it plays minimax", low=0
    )
    lr: float = option(2e-4, "learning rate of these updates: that of the discriminator's optimizer", low=0)
    betas: tuple[float, float] = option(
        (0.5, 0.999), "decay rates of Adam's moments in these updates, as in that optimizer", low=0, high=0.999999
    )


@dataclass(frozen=True)
class VEEGANConfig(Config):
    """Options of VEEGAN."""

    reconstructor_widths: tuple[int, ...] = option((128, 128), "units of the hidden layers of the reconstructor", low=1)
    discriminator_widths: tuple[int, ...] = option((128,), "units of the hidden layers of the discriminator", low=1)
    reconstruction: float = option(1.0, "weight of the squared error of the noise, a sum over its numbers", low=0)


@dataclass(frozen=True)
class RisingMomentumConfig(Config):
    """Options of gradient descent with a momentum that rises."""

    lr: float = option(0.005, "learning rate", low=0, changeable=True)
    momentum: float = option(0.5, "momentum of the first update", low=0, high=0.999999)
    final: float = option(0.7, "momentum after all updates below", low=0, high=0.999999)
    updates: int = option(125_000, "updates over which the momentum rises by equal steps", low=1)

    def __post_init__(self) -> None:
        if self.final < self.momentum:
            raise ValueError(f"option 'final' ({self.final:g}) must not be below 'momentum' ({self.momentum:g})")
