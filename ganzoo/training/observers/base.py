"""The interface of observers, and what a trainer reports to them."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image

from ganzoo.health.diagnosis import Diagnosis
from ganzoo.storage.run_folder import RunFolder


@dataclass(frozen=True)
class TrainingStart:
    """The start of a training: the run's folder, its first ``step`` of ``steps``, and a description for the user.

    ``steps_per_epoch`` is the number of steps of one pass over the data.
    """

    folder: RunFolder
    step: int
    steps: int
    title: str
    steps_per_epoch: int = 1


@dataclass(frozen=True)
class Report:
    """The state of a training: means of the loss ``terms`` (by phase and name) and ``values`` since the last report.

    ``values`` also has the scalar states of losses, penalties and augmentations as they are, by the buffer's name.
    ``seconds`` is the training time so far, ``images`` the number of real examples used so far,
    ``steps_per_second`` the speed since the last report. ``learning_rates`` are those of this step, by phase;
    ``scores`` are the figures of an evaluation, if this step had one.
    """

    step: int
    seconds: float
    images: int
    steps_per_second: float
    terms: Mapping[str, Mapping[str, float]]
    values: Mapping[str, float]
    learning_rates: Mapping[str, float]
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Picture:
    """A picture of samples for the fixed noise at one step."""

    step: int
    image: Image.Image


class Observer(ABC):
    """Receives the events of a training; every method does nothing unless it is overridden."""

    def began(self, start: TrainingStart) -> None:  # noqa: B027
        """Handle the start of the training."""

    def stepped(self, step: int) -> None:  # noqa: B027
        """Handle the end of a step, when ``step`` steps are done; called in every step, so it must be fast."""

    def reported(self, report: Report) -> None:  # noqa: B027
        """Handle a report."""

    def pictured(self, picture: Picture) -> None:  # noqa: B027
        """Handle a picture."""

    def diagnosed(self, diagnosis: Diagnosis) -> None:  # noqa: B027
        """Handle a diagnosis: what is wrong with the training."""

    def ended(self) -> None:  # noqa: B027
        """Handle the end of the training, finished or not; called once if :meth:`began` was called."""
