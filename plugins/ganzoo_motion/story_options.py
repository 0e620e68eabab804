"""The options of ``stories``, and which pairs of shape and colour are held out; no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option
from ganzoo_datasets.scenes import COLOURS, PHRASES, PLACES, SHAPES
from ganzoo_datasets.scenes import VOCABULARY as OF_SHAPES
from ganzoo_video.configs import VIDEO

# Every sentence has as many words, so that a story can be typed without saying where a sentence ends.
WHERE = {place: PHRASES[place] or "in the centre" for place in PLACES}
VOCABULARY = (*OF_SHAPES, "in", "centre")
SENTENCE = 7  # words
PAIRS = tuple((shape, colour) for shape in range(len(SHAPES)) for colour in range(len(COLOURS)))


def sentence(shape: str, colour: str, size: str, place: str) -> tuple[int, ...]:
    """Return the words of a sentence, such as ``a large red circle in the centre``, as indices."""
    return tuple(VOCABULARY.index(word) for word in f"a {size} {colour} {shape} {WHERE[place]}".split())


def held_out(shape: int, colour: int) -> bool:
    """Return whether no training story is about this shape in this colour: 13 of 64 pairs."""
    return (shape + colour) % 5 == 0


SEEN = tuple(pair for pair in PAIRS if not held_out(*pair))
UNSEEN = tuple(pair for pair in PAIRS if held_out(*pair))


@dataclass(frozen=True)
class StoriesConfig(DataConfig):
    """Options of ``stories``."""

    judge = "plain"

    size: int = option(32, "height and width of a frame in pixels", low=8, high=128)
    frames: int = option(4, "frames of a story, each with a sentence", low=2, high=16)
    split: Literal["train", "test"] = option("train", "test: only pairs of shape and colour that train never has")
    count: int = option(8000, "number of stories", low=1, high=10_000_000)
    seed: int = option(0, "random seed of the stories", low=0, high=2**53)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``video`` (frames, 3, size, size), ``story``, and the shape as ``label``."""
        fields = {
            "video": Field(VIDEO, (self.frames, 3, self.size, self.size)),
            "story": Field("tokens", (self.frames * SENTENCE,), names=VOCABULARY),
            "label": Field("class", classes=len(SHAPES), names=SHAPES),
        }
        return DataSpec(fields, target="video", condition="story")
