"""The options of conditioners for what stands beside an input image; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class LandmarksConfig(Config):
    """Options of landmarks."""

    radius: float = option(0.06, "radius of a spot, as a share of the side of an image", low=0.001, high=1)
