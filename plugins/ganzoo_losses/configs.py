"""The options of this plugin's components."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class CrossEntropyConfig(Config):
    """Options of cross-entropy; the generator's target is always 1."""

    real_target: float = option(
        1.0, "the discriminator's target for real examples; 0.9 is one-sided label smoothing", low=0, high=1
    )
    fake_target: float = option(
        0.0, "its target for fake examples; 0.1, with 0.9 for real ones, is two-sided smoothing", low=0, high=1
    )

    def __post_init__(self) -> None:
        if self.real_target <= self.fake_target:
            raise ValueError(
                f"option 'real_target' ({self.real_target:g}) must be above 'fake_target' ({self.fake_target:g})"
            )


@dataclass(frozen=True)
class ZeroCentredConfig(Config):
    """Options of R1 and R2."""

    gamma: float = option(1.0, "weight; the penalty is half of it times the squared gradient norm", low=0)


@dataclass(frozen=True)
class OneCentredConfig(Config):
    """Options of the WGAN-GP penalty."""

    weight: float = option(10.0, "weight λ", low=0)
