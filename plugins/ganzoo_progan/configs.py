"""The options of progressive growing; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class ProgressiveConfig(Config):
    """Options of the recipe whose networks grow."""

    stage_images: int = option(
        600_000, "real images for which a stage stays as it is, before the next one fades in", low=0
    )
    fade_images: int = option(
        600_000, "real images in which a stage fades in; with 0 for both, networks are whole from the first step", low=0
    )
    discriminator_updates: int = option(1, "discriminator updates per step, each on new data", low=1)


@dataclass(frozen=True)
class StagesConfig(Config):
    """Options of a network that grows."""

    widths: tuple[int, ...] = option(
        (64, 64, 48, 32), "channels of the stages, from the smallest map outwards; each doubles the sides", low=1
    )

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("option 'widths' names no stage: give the channels of one or more")


@dataclass(frozen=True)
class ProgressiveGeneratorConfig(StagesConfig):
    """Options of the generator that grows."""

    output: Literal["linear", "tanh"] = option("linear", "output activation; linear is limited when sampling only")


@dataclass(frozen=True)
class ProgressiveDiscriminatorConfig(StagesConfig):
    """Options of the discriminator that grows."""

    group: int = option(4, "images of a batch whose deviation is one more channel; 1 for none", low=1)
