"""The options of this plugin's components."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class CrossEntropyConfig(Config):
    """Options of cross-entropy. The generator's own target is always 1."""

    real_target: float = option(
        1.0, "what the discriminator should say of real examples; 0.9 is one-sided smoothing", low=0, high=1
    )
    fake_target: float = option(
        0.0, "what it should say of fake ones; 0.1 beside 0.9 is two-sided smoothing", low=0, high=1
    )

    def __post_init__(self) -> None:
        if self.real_target <= self.fake_target:
            raise ValueError(
                f"option 'real_target' ({self.real_target:g}) must be above 'fake_target' ({self.fake_target:g})"
            )


@dataclass(frozen=True)
class ZeroCentredConfig(Config):
    """Options of R1 and R2."""

    gamma: float = option(1.0, "weight; half of it multiplies the squared gradient", low=0)


@dataclass(frozen=True)
class OneCentredConfig(Config):
    """Options of the WGAN-GP penalty."""

    weight: float = option(10.0, "weight λ", low=0)
