"""The options of this plugin's augmentations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class MirrorConfig(Config):
    """Options of mirrored images."""

    probability: float = option(0.5, "share of the images that are mirrored", low=0, high=1)


@dataclass(frozen=True)
class DiffAugmentConfig(Config):
    """Options of DiffAugment."""

    policy: tuple[Literal["color", "translation", "cutout"], ...] = option(
        ("color", "translation", "cutout"), "what changes every image, in this order"
    )
    translation: float = option(0.125, "farthest translation, as a share of the height and of the width", low=0, high=1)
    cutout: float = option(0.5, "size of the square that is cut out, as a share of the height and width", low=0, high=1)

    def __post_init__(self) -> None:
        if not self.policy:
            raise ValueError("option 'policy' names nothing: give color, translation, cutout, or several of them")
        if len(set(self.policy)) < len(self.policy):
            raise ValueError(f"option 'policy' ({','.join(self.policy)}) names something twice: name it once")


@dataclass(frozen=True)
class AdaConfig(Config):
    """Options of ADA."""

    p: float = option(0.0, "probability of each change; if there is a target, only at the beginning", low=0, high=1)
    target: float | None = option(
        0.6, "mean sign of the logits of real images above which p rises; none keeps p as it is", low=-1, high=1
    )
    interval: int = option(4, "updates of the discriminator between two changes of p", low=1, high=1000)
    kimg: float = option(500.0, "thousands of real images in which p may rise from 0 to 1", low=0.001, high=1e6)
    limit: float = option(1.0, "largest p that a target may lead to", low=0, high=1)
    burn_in: float = option(
        0.0, "share of the run in which p rises from 0 along half a cosine; only without a target", low=0, high=1
    )
    blit: float = option(1.0, "probability of flips, turns and moves by whole pixels, as a share of p", low=0, high=1)
    geometry: float = option(
        1.0, "probability of scalings, rotations and moves by parts of pixels, as a share of p", low=0, high=1
    )
    colour: float = option(
        1.0, "probability of other brightness, contrast, hue and saturation, as a share of p", low=0, high=1
    )
    cutout: float = option(0.0, "probability that a square of half the size is cut out, as a share of p", low=0, high=1)

    def __post_init__(self) -> None:
        if self.burn_in and self.target is not None:
            raise ValueError("option 'burn_in' is for a fixed p, and 'target' moves p: give target none, or no burn_in")
        if self.target is not None and self.p > self.limit:
            raise ValueError(f"option 'p' ({self.p:g}) must not be above 'limit' ({self.limit:g})")
