"""The options of the text encoders; this module imports no torch."""

from __future__ import annotations

from dataclasses import dataclass

from ganzoo.plugin import Config, option


@dataclass(frozen=True)
class BagOfWordsConfig(Config):
    """Options of the bag of words."""

    size: int = option(64, "numbers that a caption becomes", low=1)


@dataclass(frozen=True)
class GRUConfig(Config):
    """Options of the recurrent encoder."""

    size: int = option(64, "numbers that a caption becomes", low=1)
    words: int = option(32, "numbers that a word becomes", low=1)
