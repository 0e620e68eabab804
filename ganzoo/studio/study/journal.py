"""The journal of a study: a file that holds its plan and what became of each training, complete at every moment."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

from ganzoo.errors import UserError
from ganzoo.evaluation import Evaluation
from ganzoo.evaluation.figures import RANKED_AIMS, Figure
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file, write_atomically
from ganzoo.studio.study.plan import Combination, Plan
from ganzoo.text import one_line

NAME, FORMAT = "study.json", 1
MOST_THREADS = 2**16
DONE, REFUSED, FAILED = "done", "refused", "failed"


@dataclass(frozen=True)
class Outcome:
    """What became of a training: ``done``, with an evaluation, or ``refused`` or ``failed``, with the reason."""

    state: str
    reason: str = ""
    evaluation: Evaluation | None = None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object that :func:`_outcome` reads."""
        found = self.evaluation.to_json() if self.evaluation is not None else None
        return {"state": self.state, "reason": self.reason, "evaluation": found}

    def aimed(self, metric: str) -> Figure | None:
        """Return the most important figure of a metric that has an order of better and worse, if there is one."""
        figures = self.evaluation.figures if self.evaluation is not None else ()
        return next((one for one in figures if one.metric == metric and one.aim in RANKED_AIMS), None)


@final
@dataclass
class Journal:
    """The plan of a study in a folder, and the outcome of each training by the name of its run folder.

    ``threads`` is with how many threads each training computes, as another number changes the last digits; 0 if that
    was not recorded. ``trials`` are the choices of a search so far, by the digest of the combination that they
    complete; a trial was chosen before those of the ``abreast`` - 1 before it were finished.
    """

    folder: Path
    plan: Plan
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    threads: int = 0
    trials: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    abreast: int = 0

    @property
    def combinations(self) -> list[Combination]:
        """The combinations of the grid; in a search, all that were chosen, each once."""
        grid = self.plan.combinations
        if not self.plan.search:
            return grid
        found = [each.with_choices(trial) for each in grid for trial in self.trials_of(each)]
        return list({combination.digest: combination for combination in found}.values())

    def planned(self, plan: Plan) -> Journal:
        """Return the journal with a plan that may have grown."""
        return replace(self, plan=plan)

    def trials_of(self, combination: Combination) -> list[dict[str, str]]:
        """Return the choices so far that complete a combination of the grid; the list can be extended."""
        return self.trials.setdefault(combination.digest, [])

    def outcomes_of(self, combination: Combination) -> list[Outcome]:
        """Return the outcomes of a combination, by seed, as far as there are some."""
        names = [combination.folder(seed) for seed in range(self.plan.seeds)]
        return [self.outcomes[name] for name in names if name in self.outcomes]

    def loss(self, combination: Combination) -> float:
        """Return the mean of the objective over the seeds, negative if high values are good; infinite if one failed."""
        figures = [outcome.aimed(self.plan.objective or "") for outcome in self.outcomes_of(combination)]
        values = [figure.value if figure.aim == "low" else -figure.value for figure in figures if figure is not None]
        return statistics.fmean(values) if values and len(values) == len(figures) else math.inf

    def record(self, name: str, outcome: Outcome) -> None:
        """Add an outcome, and write the file."""
        self.outcomes[name] = outcome
        self.write()

    def write(self) -> None:
        """Write the file."""
        outcomes = {name: outcome.to_json() for name, outcome in self.outcomes.items()}
        content = {"format": FORMAT, "plan": self.plan.to_json(), "threads": self.threads}
        searched = {"trials": self.trials, "abreast": self.abreast} if self.plan.search else {}
        content |= {**searched, "outcomes": outcomes}
        write_atomically(self.folder / NAME, (json.dumps(content, indent=1) + "\n").encode())


def read_journal(folder: Path) -> Journal | None:
    """Return the journal in a folder, or ``None`` if there is none; raises :class:`UserError` if it is damaged."""
    path = folder / NAME
    try:
        value = json.loads(read_file(path, MAX_DOCUMENT_BYTES))
        if value["format"] != FORMAT:
            raise UserError(f"{path} has format {one_line(value['format'])}; this ganzoo reads format {FORMAT}")
        outcomes = {name: outcome_of(outcome, str(path)) for name, outcome in value["outcomes"].items()}
        threads, abreast = value.get("threads", 0), value.get("abreast", 0)
        for count in (threads, abreast):
            if type(count) is not int or not 0 <= count <= MOST_THREADS:
                raise ValueError("its numbers are damaged")
        plan = Plan.from_json(value["plan"])
        trials = {digest: [_trial(trial, plan) for trial in found] for digest, found in value.get("trials", {}).items()}
        return Journal(folder, plan, outcomes, threads, trials, abreast)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UserError(f"{path} is not the journal of a study: choose another --out") from problem


def _trial(value: Mapping[str, Any], plan: Plan) -> dict[str, str]:
    spaces = plan.spaces
    if value.keys() != spaces.keys():
        raise ValueError("the choices of a trial are damaged")
    for name, space in spaces.items():
        space.value(value[name])
    return dict(value)


def outcome_of(value: Mapping[str, Any], source: str) -> Outcome:
    """Return the outcome of a JSON object; raises ``ValueError``, ``TypeError`` or ``KeyError`` if it is none."""
    state, found = value["state"], value["evaluation"]
    if state not in (DONE, REFUSED, FAILED) or (found is None) == (state == DONE):
        raise ValueError("the state of a training is damaged")
    reason = one_line(value["reason"]) if value["reason"] else ""
    return Outcome(state, reason, None if found is None else Evaluation.from_json(found, source))
