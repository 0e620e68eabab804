"""What can go wrong, and whose move it is."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable


class UserError(ValueError):
    """Something was asked for that cannot be done; the message says what to do instead (exit status 2)."""


class Refused(UserError):
    """Several things about one request cannot be done; all of them are told at once."""

    def __init__(self, problems: Iterable[str]):
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type[Refused], tuple[tuple[str, ...]]]:
        return Refused, (self.problems,)


class TrainingFailed(RuntimeError):
    """A training that had begun could not go on; the message names phase, term and step (exit status 1)."""


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end at once (exit status 128 and the signal's number)."""

    def __init__(self, number: int):
        self.number = number
        super().__init__(number)


def first_line(problem: Exception) -> str:
    """Return the first line of what ``problem`` says, or its type's name where it says nothing."""
    said = str(problem).strip()
    return said.splitlines()[0] if said else type(problem).__name__


def nearest(name: str, names: Iterable[str]) -> str:
    """Return how a sentence about an unknown ``name`` ends: ``; did you mean 'x'?``, or a full stop."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else "."


def warn(text: str) -> None:
    """Say on stderr what people should know, and go on."""
    print(f"ganzoo: {text}", file=sys.stderr, flush=True)
