"""The options of the conditioner; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class ReplicatedConfig(Config):
    """Options of a condition that is repeated over a feature map."""

    size: int = option(128, "numbers that the condition is compressed to", low=1)
    slope: float = option(0.2, "slope of the leaky ReLU behind both layers", low=0, high=1)
    norm: bool = option(False, "batch norm behind the layer that joins both, as published")
