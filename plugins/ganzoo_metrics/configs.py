"""The options of this plugin's metrics and judges."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Options of a small convolutional classifier."""

    width: int = option(
        24, "channels of its first convolution; the second has twice as many, later ones four times", low=1, high=1024
    )
    features: int = option(128, "numbers that it describes an example by", low=1, high=8192)
    epochs: int = option(6, "passes over the real examples that it learns from", low=1, high=1000)
    least_steps: int = option(500, "steps at least, in more passes where there are few examples", low=1, high=10**7)
    batch_size: int = option(128, "examples a step", low=2, high=65536)
    lr: float = option(5e-3, "highest learning rate; it rises first, and falls to nothing", low=1e-8, high=1)


@dataclass(frozen=True)
class InceptionConfig(Config):
    """Options of the metrics on the standard Inception network."""

    weights: str = option("", "file with the network's weights; empty: torch's cache, where it is downloaded once")
    batch_size: int = option(64, "images that it looks at together", low=1, high=65536)


@dataclass(frozen=True)
class StackedClassifierConfig(ClassifierConfig):
    """Options of a small convolutional classifier of single channels."""

    epochs: int = option(1, "passes over the channels of the real examples that it learns from", low=1, high=1000)


@dataclass(frozen=True)
class KernelConfig(Config):
    """Options of the kernel distance."""

    subsets: int = option(100, "random subsets whose distances are averaged", low=2, high=10_000)
    size: int = option(1000, "examples in each of them, or half of them all where that is less", low=2, high=1_000_000)


@dataclass(frozen=True)
class ManifoldConfig(Config):
    """Options of precision, recall, density and coverage."""

    neighbours: int = option(
        5, "the neighbour whose distance is the radius of an example's surroundings", low=1, high=1000
    )


@dataclass(frozen=True)
class ModesConfig(Config):
    """Options of counting modes."""

    share: float = option(
        0.0, "share of what is due to a mode that it must get to count; with 0, a single example will do", low=0, high=1
    )


@dataclass(frozen=True)
class ParzenConfig(Config):
    """Options of the Parzen window."""

    widths: tuple[float, ...] = option(
        (
            0.1, 0.11, 0.12, 0.13, 0.14, 0.15, 0.16, 0.17, 0.18, 0.19, 0.2,
            0.22, 0.24, 0.26, 0.28, 0.3, 0.35, 0.4, 0.5, 0.7, 1.0,
        ),
        "standard deviations to choose from, of pixels in 0 … 1, by the likelihood of real images put aside",
        low=1e-6, high=1e3,
    )  # fmt: skip
    validation: int = option(
        1000, "real training images put aside for that choice, half of all at most", low=2, high=1_000_000
    )

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("option 'widths' must hold one width at least")
