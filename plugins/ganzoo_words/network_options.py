"""The options of the network of the second stage; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class RefinerConfig(Config):
    """Options of the second stage's generator."""

    width: int = option(16, "channels of the first layer; the inner ones have 4 times as many", low=1)
    blocks: int = option(2, "residual blocks; 4 in StackGAN", low=0, high=64)
