"""The journal of a study: a file that holds its plan and what became of each training, complete at every moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, final

from ganzoo.errors import UserError
from ganzoo.evaluation import Evaluation
from ganzoo.storage.files import MAX_DOCUMENT_BYTES, read_file, write_atomically
from ganzoo.studio.study.plan import Plan
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


@final
@dataclass
class Journal:
    """The plan of a study in a folder, and the outcome of each training by the name of its run folder.

    ``threads`` is with how many threads each training computes, as another number changes the last digits; 0 if that
    was not recorded.
    """

    folder: Path
    plan: Plan
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    threads: int = 0

    def record(self, name: str, outcome: Outcome) -> None:
        """Add an outcome, and write the file."""
        self.outcomes[name] = outcome
        self.write()

    def write(self) -> None:
        """Write the file."""
        outcomes = {name: outcome.to_json() for name, outcome in self.outcomes.items()}
        content = {"format": FORMAT, "plan": self.plan.to_json(), "threads": self.threads, "outcomes": outcomes}
        write_atomically(self.folder / NAME, (json.dumps(content, indent=1) + "\n").encode())


def read_journal(folder: Path) -> Journal | None:
    """Return the journal in a folder, or ``None`` if there is none; raises :class:`UserError` if it is damaged."""
    path = folder / NAME
    try:
        value = json.loads(read_file(path, MAX_DOCUMENT_BYTES))
        if value["format"] != FORMAT:
            raise UserError(f"{path} has format {one_line(value['format'])}; this ganzoo reads format {FORMAT}")
        outcomes = {name: outcome_of(outcome, str(path)) for name, outcome in value["outcomes"].items()}
        threads = value.get("threads", 0)
        if type(threads) is not int or not 0 <= threads <= MOST_THREADS:
            raise ValueError("its number of threads is damaged")
        return Journal(folder, Plan.from_json(value["plan"]), outcomes, threads)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as problem:
        raise UserError(f"{path} cannot be read: {problem.strerror or problem}") from problem
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as problem:
        raise UserError(f"{path} is not the journal of a study: choose another --out") from problem


def outcome_of(value: Mapping[str, Any], source: str) -> Outcome:
    """Return the outcome of a JSON object; raises ``ValueError``, ``TypeError`` or ``KeyError`` if it is none."""
    state, found = value["state"], value["evaluation"]
    if state not in (DONE, REFUSED, FAILED) or (found is None) == (state == DONE):
        raise ValueError("the state of a training is damaged")
    reason = one_line(value["reason"]) if value["reason"] else ""
    return Outcome(state, reason, None if found is None else Evaluation.from_json(found, source))
