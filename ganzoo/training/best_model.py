"""The best model of a run by one figure, in a file beside the newest model."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

from ganzoo.catalogue.formats import MODEL_KEY
from ganzoo.errors import UserError
from ganzoo.evaluation import Evaluation
from ganzoo.storage.sealed import read_sealed
from ganzoo.text import one_line

EVALUATION = "evaluation"


@final
class BestModel:
    """The file of the best model so far; its header contains its evaluation, so that a resumed run knows it."""

    def __init__(self, path: Path):
        self._path = path
        self._best: Evaluation | None = None
        self.step: int | None = None  # of the best model so far

    def resume(self, step: int, conditions: Evaluation, leading: str) -> None:
        """Read the best model of a run that is resumed after ``step``; ignore one of a later step.

        ``conditions`` is an evaluation without figures. Raises :class:`UserError` if the model was not selected by the
        figure ``leading``, or was evaluated under other conditions.
        """
        if not self._path.exists():
            return
        name = f"{self._path}, the best model so far"
        try:
            trained = read_sealed(self._path, MODEL_KEY, "model")[1]["trained"]
            best = Evaluation.from_json(trained[EVALUATION], name)
            later = trained["steps"] > step
        except (UserError, KeyError, TypeError) as problem:
            raise UserError(
                f"{name}, cannot be read ({one_line(problem)}): move it away, and the run continues without it"
            ) from problem
        if later:
            return
        conditions.refuse_incomparable(best, name)
        if best.figure(leading) is None:
            raise UserError(
                f"{name}, was not selected by {leading}: resume with the --metric of that run, or move the file away"
            )
        self._best, self.step = best, trained["steps"]

    def set_aside(self) -> str:
        """Give the file a name that no other model takes, and return the name."""
        kept = self._path.with_name(f"{self._path.stem}-{time.strftime('%Y%m%d-%H%M%S')}{self._path.suffix}")
        self._path.replace(kept)
        return kept.name

    def offer(
        self, evaluation: Evaluation, step: int, leading: str, write: Callable[[Path, Mapping[str, Any]], object]
    ) -> None:
        """Write the model of ``evaluation`` with ``write`` if its figure ``leading`` is the best so far."""
        figure = evaluation.figure(leading)
        best = self._best.figure(leading) if self._best is not None else None
        if figure is None or (best is not None and not figure.better_than(best)):
            return
        write(self._path, {EVALUATION: evaluation.to_json()})
        self._best, self.step = evaluation, step
