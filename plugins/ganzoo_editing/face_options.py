"""The options of the dataset ``faces``, its attributes, and which combinations are held out; imports no torch."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import DataConfig, DataSpec, Field, option

ATTRIBUTES = ("smiling", "glasses", "blond", "long-hair", "beard", "hat")
COMBINATIONS = tuple(itertools.product((0, 1), repeat=len(ATTRIBUTES)))
WEIGHTS = (1, 2, 3, 4, 6, 7)  # of the attributes that are true; the sum modulo 5 decides


def held_out(combination: tuple[int, ...]) -> bool:
    """Return whether no training image has this combination of attributes: about one in five."""
    return sum(weight for weight, true in zip(WEIGHTS, combination, strict=True) if true) % 5 == 4


SEEN = tuple(each for each in COMBINATIONS if not held_out(each))
UNSEEN = tuple(each for each in COMBINATIONS if held_out(each))


@dataclass(frozen=True)
class FacesConfig(DataConfig):
    """Options of the drawn faces."""

    judge = "plain"

    size: int = option(32, "height and width in pixels", low=8, high=256)
    count: int = option(8000, "number of images", low=1, high=10_000_000)
    task: Literal["draw", "edit"] = option(
        "draw", "draw: a face from its attributes; edit: a face with one attribute changed, from the face as it was"
    )
    split: Literal["train", "test"] = option("train", "test: only combinations of attributes that train never has")
    seed: int = option(0, "random seed of the images", low=0, high=2**53)

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image``, ``attributes``, ``edited`` and ``others``.

        ``attributes`` are what is asked for: those of ``image`` if it is drawn, those of ``edited`` for an edit.
        ``others`` are those of the other image.
        """
        image = Field("image", (3, self.size, self.size))
        attributes = Field("vector", (len(ATTRIBUTES),), names=ATTRIBUTES)
        fields = {"image": image, "attributes": attributes, "edited": image, "others": attributes}
        if self.task == "edit":
            return DataSpec(fields, target="edited", condition="image+attributes")
        return DataSpec(fields, target="image", condition="attributes")
