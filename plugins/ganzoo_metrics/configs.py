"""The options of this plugin's metrics and judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganzoo.plugin import Config, option

OFFICIAL_WIDTHS = tuple(round(10 ** (-1 + n / 9), 6) for n in range(10))
OFFICIAL_VALIDATION = 10_000
PARZEN_WIDTHS = (*(n / 100 for n in (*range(10, 20), *range(20, 30, 2))), 0.3, 0.35, 0.4, 0.5, 0.7, 1.0)


@dataclass(frozen=True)
class ClassifierConfig(Config):
    """Options of a small convolutional classifier."""

    width: int = option(
        24, "channels of the first convolution; the second has twice, later ones four times as many", low=1, high=1024
    )
    features: int = option(128, "size of the feature vector of an example", low=1, high=8192)
    epochs: int = option(6, "training passes over the real examples", low=1, high=1000)
    least_steps: int = option(
        500, "least number of training steps; with few examples there are more passes", low=1, high=10**7
    )
    batch_size: int = option(128, "examples per training step", low=2, high=65536)
    lr: float = option(5e-3, "peak learning rate of a one-cycle schedule", low=1e-8, high=1)


@dataclass(frozen=True)
class InceptionConfig(Config):
    """Options of the metrics on the standard Inception network."""

    weights: str = option("", "file with the network's weights; if empty, they are downloaded once to PyTorch's cache")
    batch_size: int = option(64, "images per forward pass", low=1, high=65536)


@dataclass(frozen=True)
class StackedClassifierConfig(ClassifierConfig):
    """Options of a small convolutional classifier of single channels."""

    epochs: int = option(1, "training passes over the channels of the real examples", low=1, high=1000)


@dataclass(frozen=True)
class KernelConfig(Config):
    """Options of the kernel distance."""

    subsets: int = option(100, "number of random subsets whose distances are averaged", low=2, high=10_000)
    size: int = option(1000, "examples per subset; at most half of all examples", low=2, high=1_000_000)


@dataclass(frozen=True)
class ManifoldConfig(Config):
    """Options of precision, recall, density and coverage."""

    neighbours: int = option(
        5, "k: the distance to the k-th nearest neighbour is the radius around an example", low=1, high=1000
    )


@dataclass(frozen=True)
class ModesConfig(Config):
    """Options of the metric on modes."""

    share: float = option(
        0.0, "a mode counts from this share of its expected number of examples; with 0, from one example", low=0, high=1
    )


@dataclass(frozen=True)
class ParzenConfig(Config):
    """Options of the Parzen window."""

    widths: tuple[float, ...] = option(
        PARZEN_WIDTHS,
        "candidate standard deviations, for pixels in 0 … 1; chosen by the likelihood of a validation set",
        low=1e-6,
        high=1e3,
    )
    protocol: Literal["fine", "official"] = option(
        "fine",
        "official: ten widths from 0.1 to 1 in equal ratios, chosen on the last 10,000 training images, as in 2014",
    )
    validation: int = option(
        1000, "real training images in that validation set; at most half of all", low=2, high=1_000_000
    )

    def __post_init__(self) -> None:
        if not self.widths:
            raise ValueError("option 'widths' must hold one width at least")
