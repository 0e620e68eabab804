"""The best model of a run by one figure, kept beside the newest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, final

from ganzoo.engine.evaluation import Evaluation, Figure
from ganzoo.engine.modelfile import KEY
from ganzoo.engine.sealed import read_sealed
from ganzoo.errors import UserError

EVALUATION = "evaluation"


@final
class BestModel:
    """A file that holds the best model so far; which one that is stands in its header, so a run can go on with it."""

    def __init__(self, path: Path):
        self._path = path
        self._best: Evaluation | None = None

    def go_on(self, step: int) -> None:
        """Remember the best model of a run that goes on after ``step``; one of a later step will come again."""
        if not self._path.exists():
            return
        trained = read_sealed(self._path, KEY, "model")[1].get("trained", {})
        if isinstance(trained, Mapping) and EVALUATION in trained and int(trained.get("steps", 0)) <= step:
            self._best = Evaluation.from_json(trained[EVALUATION], str(self._path))

    def refuse_other(self, judge: str) -> None:
        """Raise :class:`UserError` where the best model was chosen by another judge than the one called ``judge``."""
        then = str(self._best.judge.get("name")) if self._best is not None else judge
        if then != judge:
            raise UserError(
                f"{self._path} was the best in the eyes of {then}, and the judge is now {judge}: "
                "go on with the choices of then, or move that file away"
            )

    def offer(self, found: Evaluation, write: Callable[[Path, Mapping[str, Any]], object]) -> bool:
        """Keep the model of ``found`` by calling ``write`` where it is the best so far, and return whether it is."""
        figure = leading(found)
        then = self._best.figure(figure.label) if self._best is not None and figure is not None else None
        if figure is None or (then is not None and not figure.better_than(then)):
            return False
        write(self._path, {EVALUATION: found.to_json()})
        self._best = found
        return True


def leading(found: Evaluation) -> Figure | None:
    """Return the first figure of which it is known what is better."""
    return next((figure for figure in found.figures if figure.aim != "neither"), None)
