"""The options of the metric of pairs; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class PairedConfig(Config):
    """Options of the comparison with the true image."""

    luminance: bool = option(False, "compare the luminance alone, as papers on super-resolution do")
    shave: int = option(0, "pixels at the borders that are left out; 4 in papers on super-resolution", low=0, high=64)
