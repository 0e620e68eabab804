"""The options of the metrics; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class RPrecisionConfig(Config):
    """Options of a choice among captions."""

    captions: int = option(100, "captions to choose from, of which one is right", low=2, high=10_000)


@dataclass(frozen=True)
class LearntRPrecisionConfig(RPrecisionConfig):
    """Options of a choice by a network that has learnt to match."""

    steps: int = option(1500, "steps in which the network learns, on real images", low=1)


@dataclass(frozen=True)
class TagRecallConfig(Config):
    """Options of the keywords that are found."""

    nearest: int = option(1, "words that each draw stands for: the nearest ones; 20 of 247,465 in the paper", low=1)
    kept: int = option(10, "words that are kept of all draws: the most frequent ones", low=1)
    neighbours: int = option(5, "training images whose words are compared with", low=1)
