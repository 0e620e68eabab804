"""The options of the recipe that carries an image over into another domain; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class TransferConfig(Config):
    """Options of the transfer to another domain."""

    distance_weight: float = option(
        0.0, "weight of the absolute distance from the true image, pixel by pixel; the paper has none", low=0
    )
