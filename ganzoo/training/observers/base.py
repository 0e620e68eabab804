"""What a trainer tells those who watch it."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from ganzoo.storage.run_folder import RunFolder


@dataclass(frozen=True)
class TrainingStart:
    """What is about to begin: the run's folder, from which ``step`` to how many ``steps``, and a line for people."""

    folder: RunFolder
    step: int
    steps: int
    title: str


@dataclass(frozen=True)
class Report:
    """Values read from the device: means since the last report, by phase and name.

    ``seconds`` are those of training so far, ``images`` the real examples that were used, ``rate`` steps a second
    since the last report. ``scores`` are the figures of an evaluation, where there was one.
    """

    step: int
    seconds: float
    images: int
    rate: float
    terms: Mapping[str, Mapping[str, float]]
    values: Mapping[str, float]
    learning_rates: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """Samples of the fixed noise at one step, drawn."""

    step: int
    image: Image.Image


class Observer(ABC):
    """Somebody who watches; every method does nothing unless it is overridden."""

    def began(self, situation: TrainingStart) -> None:  # noqa: B027
        """Note that training begins."""

    def stepped(self, step: int) -> None:  # noqa: B027
        """Note that ``step`` steps are done; called each step, so it must cost nothing."""

    def reported(self, report: Report) -> None:  # noqa: B027
        """Note new values."""

    def pictured(self, picture: Picture) -> None:  # noqa: B027
        """Note a new picture."""

    def ended(self) -> None:  # noqa: B027
        """Note that training is over, finished or not; called once after :meth:`began`."""
