"""The options of ``moving-digits``, its words, and which pairs of digit and direction are held out; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option
from ganzoo_video.configs import DIRECTIONS, VIDEO

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
VOCABULARY = ("<pad>", "a", "moves", "and", *NAMES, *DIRECTIONS)
SENTENCE = 4  # words: "a six moves left"


def held_out(digit: int, direction: int) -> bool:
    """Return whether no training clip shows this digit move in this direction: 8 of 40 pairs, two of each direction."""
    return digit % 5 != 0 and digit % len(DIRECTIONS) == direction


PAIRS = tuple((digit, direction) for digit in range(10) for direction in range(len(DIRECTIONS)))
SEEN = tuple(pair for pair in PAIRS if not held_out(*pair))
UNSEEN = tuple(pair for pair in PAIRS if held_out(*pair))


@dataclass(frozen=True)
class MovingDigitsConfig(DataConfig):
    """Options of ``moving-digits``."""

    judge = "plain"

    size: int = option(24, "height and width of a frame in pixels", low=8, high=128)
    frames: int = option(8, "frames of a clip", low=2, high=64)
    digits: int = option(1, "digits in a clip, each with a sentence of the caption", low=1, high=2)
    condition: Literal["caption", "digit+direction", "first", "none"] = option(
        "caption", "what is given: the caption, digit and direction as classes, the first frame, or nothing"
    )
    split: Literal["train", "test"] = option("train", "test: only pairs of digit and direction that train never has")
    count: int = option(8000, "number of clips", low=1, high=10_000_000)
    seed: int = option(0, "random seed of the clips", low=0, high=2**53)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``video`` (frames, 1, size, size), ``first``, ``caption`` and two classes."""
        fields = {
            "video": Field(VIDEO, (self.frames, 1, self.size, self.size)),
            "first": Field("image", (1, self.size, self.size)),
            "caption": Field("tokens", (SENTENCE * self.digits + self.digits - 1,), names=VOCABULARY),
            "digit": Field("class", classes=len(NAMES), names=NAMES),
            "direction": Field("class", classes=len(DIRECTIONS), names=DIRECTIONS),
        }
        return DataSpec(fields, target="video", condition="" if self.condition == "none" else self.condition)
