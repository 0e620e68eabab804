"""The options of the residual networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class ResNetGeneratorConfig(Config):
    """Options of the residual generator."""

    widths: tuple[int, ...] = option(
        (256, 256, 256), "channels of the blocks, from the smallest map outwards; each block doubles the sides", low=1
    )
    attention: int = option(0, "the block behind which self-attention acts: 2 is the second, 0 none", low=0)
    weights: Literal["plain", "spectral", "equalised"] = option(
        "plain", "weights as they are, with spectral normalisation, or with an equalised learning rate"
    )
    norm_eps: float = option(1e-5, "epsilon of batch norm", low=0)
    norm_momentum: float = option(
        0.1, "share of a batch in the running statistics of batch norm: 1 minus the decay", low=0, high=1
    )

    def __post_init__(self) -> None:
        check_blocks(self.widths, self.attention)


@dataclass(frozen=True)
class ResNetDiscriminatorConfig(Config):
    """Options of the residual discriminator."""

    widths: tuple[int, ...] = option((128, 128, 128, 128), "channels of the blocks, from the image inwards", low=1)
    halvings: int = option(2, "how many blocks halve the sides; they are the first ones", low=0)
    attention: int = option(0, "the block behind which self-attention acts: 1 is the first, 0 none", low=0)
    weights: Literal["plain", "spectral", "equalised"] = option(
        "spectral", "weights as they are, with spectral normalisation, or with an equalised learning rate"
    )
    output_bias: bool = option(False, "a bias of the logit, as BigGAN has it and SNGAN has not")

    def __post_init__(self) -> None:
        check_blocks(self.widths, self.attention)
        if self.halvings > len(self.widths):
            raise ValueError(f"option 'halvings' ({self.halvings}) must not exceed the {len(self.widths)} blocks")


def check_blocks(widths: Sequence[int], attention: int) -> None:
    """Raise ``ValueError`` if there is no block, or none with the number ``attention``."""
    if not widths:
        raise ValueError("option 'widths' names no block: give the channels of one or more")
    if attention > len(widths):
        raise ValueError(f"option 'attention' names block {attention}, and there are {len(widths)}")
