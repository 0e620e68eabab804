"""The options of this plugin's components; like everything that a plugin declares, they import no torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ganzoo.plugin import Config, DataConfig, DataSpec, Field, option


@dataclass(frozen=True)
class SpiralsConfig(DataConfig):
    """Options of the drawn spirals."""

    size: int = option(32, "height and width in pixels", low=16, high=256)
    arms: tuple[int, ...] = option(
        (1, 2, 3, 5), "the classes: a spiral has one of these numbers of arms", low=1, high=9
    )
    rings: float = option(
        1.8, "arms that a line from the centre to the edge crosses; more wind tighter", low=0.5, high=6
    )
    turn: Literal["clockwise", "anticlockwise", "both"] = option("clockwise", "how the arms run, from the centre out")
    count: int = option(20_000, "number of pictures", low=1, high=10_000_000)
    seed: int = option(0, "the seed of the pictures", low=0, high=2**53)

    def __post_init__(self) -> None:
        if len(set(self.arms)) != len(self.arms):
            raise ValueError(f"option 'arms' must name each number once, not {','.join(map(str, self.arms))}")

    def spec(self, root: Path) -> DataSpec:
        """Return what is delivered: ``image`` (1, size, size) and the number of arms as ``label``."""
        names = tuple(f"{arms}-arm" for arms in self.arms)
        fields = {
            "image": Field("image", (1, self.size, self.size)),
            "label": Field("class", classes=len(names), names=names),
        }
        return DataSpec(fields, target="image", condition="label")


@dataclass(frozen=True)
class GateConfig(Config):
    """Options of the gate."""

    ceiling: float = option(2.0, "the largest gain; the smallest is 0", low=1.1, high=100)
    deviation: float = option(1.0, "how far the conditions differ at the beginning; at 0 every gain begins as 1", low=0)
