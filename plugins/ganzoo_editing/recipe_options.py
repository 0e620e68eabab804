"""The options of the recipes of attributes; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class AttributesConfig(Config):
    """Options of the recipe of attributes."""

    kernel: float = option(
        0.0, "deviation of the normal noise that is added to attributes of the data, for those of fakes", low=0
    )
    mismatched: float = option(
        0.0, "share of real examples with the attributes of another one among the discriminator's fakes", low=0, high=1
    )
    signed: bool = option(False, "the networks see attributes of 0 and 1 as -1 and 1")
    discriminator_weight: float = option(1.0, "factor of the discriminator's loss", low=0)


@dataclass(frozen=True)
class EditableConfig(AttributesConfig):
    """Options of the recipe of attributes with encoders."""

    encoder_width: int = option(32, "channels of the first layer of an encoder; each further layer doubles them", low=1)
    encoder_dense: int = option(0, "units of a dense layer before the attributes; 0: none", low=0)
    gan_steps: int = option(
        0, "steps after which the GAN rests and the encoders alone are fitted; 0: all learn to the end", low=0
    )
