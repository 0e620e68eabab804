"""The best model of a run by one figure, kept beside the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

from ganzoo.errors import UserError
from ganzoo.evaluation import Evaluation
from ganzoo.storage.model_file import KEY
from ganzoo.storage.sealed import read_sealed
from ganzoo.text import one_line

EVALUATION = "evaluation"


@final
class BestModel:
    """A file that holds the best model so far; which one that is stands in its header, so a run can go on with it."""

    def __init__(self, path: Path):
        self._path = path
        self._best: Evaluation | None = None
        self.step: int | None = None  # after which the best model so far was found

    def go_on(self, step: int, outline: Evaluation, leading: str) -> None:
        """Remember the best model of a run that goes on after ``step``; one of a later step will come again.

        Raises :class:`UserError` where it was not chosen by the figure ``leading``, or not in the way of ``outline``.
        """
        if not self._path.exists():
            return
        whose = f"{self._path}, the best model so far"
        try:
            trained = read_sealed(self._path, KEY, "model")[1]["trained"]
            then = Evaluation.from_json(trained[EVALUATION], whose)
            later = trained["steps"] > step
        except (UserError, KeyError, TypeError) as problem:
            raise UserError(
                f"{whose}, cannot be read ({one_line(problem)}): move it away, and the run goes on without it"
            ) from problem
        if later:
            return
        outline.refuse_other(then, whose)
        if then.figure(leading) is None:
            raise UserError(
                f"{whose}, was not chosen by {leading}: go on with the --metric of then, or move that file away"
            )
        self._best, self.step = then, trained["steps"]

    def offer(
        self, found: Evaluation, step: int, leading: str, write: Callable[[Path, Mapping[str, Any]], object]
    ) -> None:
        """Keep the model of ``found``, by ``write``, if its figure ``leading`` is the best so far."""
        figure = found.figure(leading)
        then = self._best.figure(leading) if self._best is not None else None
        if figure is None or (then is not None and not figure.better_than(then)):
            return
        write(self._path, {EVALUATION: found.to_json()})
        self._best, self.step = found, step
